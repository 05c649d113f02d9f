import pg from 'pg';

/**
 * A connection that is lost while nobody listens - it was just handed out, or lies between two queries - must not end
 * the process: the next query on it fails, and that is told.
 */
export class SteadyClient extends pg.Client {
  constructor(config?: ConstructorParameters<typeof pg.Client>[0]) {
    super(config);
    this.on('error', () => undefined);
  }
}
