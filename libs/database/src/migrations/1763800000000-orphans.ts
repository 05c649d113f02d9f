import type { MigrationInterface, QueryRunner } from 'typeorm';

/** What the broker has left behind in platform networks, when it is looked for, and by what it is known again. */
export class Orphans1763800000000 implements MigrationInterface {
  async up(runner: QueryRunner): Promise<void> {
    await runner.query(`
      -- When each platform network is searched next. Not a column of deployments: a connection that ends moves it, and
      -- connections of one deployment that end at the same time hold that row already, each waiting for the other.
      CREATE TABLE orphan_checks (
        deployment_id text PRIMARY KEY REFERENCES deployments ON DELETE CASCADE,
        due_at timestamptz NOT NULL,
        -- how often a search was asked for: whoever asks while one is under way is not forgotten when it ends
        asked bigint NOT NULL DEFAULT 0,
        checked_at timestamptz
      );
      CREATE INDEX orphan_checks_due ON orphan_checks (due_at);
      INSERT INTO orphan_checks (deployment_id, due_at)
        SELECT id, now() + random() * interval '1 hour' FROM deployments;

      CREATE TABLE orphans (
        id text PRIMARY KEY,
        deployment_id text NOT NULL REFERENCES deployments ON DELETE CASCADE,
        cloud text NOT NULL,
        kind text NOT NULL CHECK (kind IN ('route', 'peering', 'attachment')),
        -- the cloud's id; of a route, what it leads to
        provider_id text NOT NULL,
        -- '' except for routes
        route_table_id text NOT NULL DEFAULT '',
        destination text NOT NULL DEFAULT '',
        -- the connection that left it behind; it may be deleted, with its deployment even
        connection_id text NOT NULL,
        mark text,
        evidence text NOT NULL CHECK (evidence IN ('mark', 'history', 'target')),
        state text NOT NULL CHECK (state IN ('found', 'removing', 'kept', 'removed', 'gone')),
        first_seen_at timestamptz NOT NULL,
        last_seen_at timestamptz NOT NULL,
        sightings integer NOT NULL,
        remove_after timestamptz NOT NULL,
        attempts integer NOT NULL DEFAULT 0,
        attempted_at timestamptz,
        last_error text,
        ended_at timestamptz,
        -- grows with every write: operators and workers do not overwrite each other
        version bigint NOT NULL DEFAULT 1
      );
      CREATE UNIQUE INDEX orphans_open ON orphans (deployment_id, kind, provider_id, route_table_id, destination)
        WHERE state IN ('found', 'removing', 'kept');
      CREATE INDEX orphans_deployment ON orphans (deployment_id, id);
      CREATE INDEX orphans_state ON orphans (state, id);
      CREATE INDEX orphans_ended ON orphans (ended_at) WHERE ended_at IS NOT NULL;

      -- What connections of deployments that are removed have left: the network may be a deployment's again.
      CREATE TABLE former_connections (
        id text PRIMARY KEY,
        cloud text NOT NULL,
        account_id text NOT NULL,
        region text NOT NULL,
        vpc_id text NOT NULL,
        held text[] NOT NULL,
        routes json NOT NULL,
        -- all that was held or led to
        provider_ids text[] NOT NULL,
        removed_at timestamptz NOT NULL DEFAULT now()
      );
      CREATE INDEX former_connections_network ON former_connections (cloud, account_id, region, vpc_id);
      CREATE INDEX former_connections_provider_ids ON former_connections USING gin (provider_ids);

      -- From what a look shows to who has left it, however many connections there have been.
      CREATE INDEX peering_connections_past ON peering_connections (provider_id)
        WHERE NOT live AND provider_id IS NOT NULL;
      CREATE INDEX connection_events_traces ON connection_events ((data->'action'->>'providerId'))
        WHERE type = 'peering.cloud_call' AND data->'action'->>'kind' IN ('accept', 'ensure_route');

      -- A minute later, so that what the cloud is only slow to forget is not taken for something left behind.
      CREATE FUNCTION search_new_network() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        INSERT INTO orphan_checks (deployment_id, due_at) VALUES (NEW.id, NEW.created_at + interval '1 minute');
        RETURN NULL;
      END $$;
      CREATE TRIGGER deployments_search AFTER INSERT ON deployments FOR EACH ROW EXECUTE FUNCTION search_new_network();

      CREATE FUNCTION search_left_network() RETURNS trigger LANGUAGE plpgsql AS $$
      BEGIN
        UPDATE orphan_checks SET due_at = least(due_at, NEW.updated_at + interval '1 minute'), asked = asked + 1
          WHERE deployment_id = NEW.deployment_id;
        RETURN NULL;
      END $$;
      CREATE TRIGGER peering_connections_search AFTER UPDATE ON peering_connections FOR EACH ROW
        WHEN (NEW.state = 'deleted' AND OLD.state <> 'deleted')
        EXECUTE FUNCTION search_left_network();
    `);
  }

  async down(runner: QueryRunner): Promise<void> {
    await runner.query(`
      DROP TRIGGER peering_connections_search ON peering_connections;
      DROP TRIGGER deployments_search ON deployments;
      DROP FUNCTION search_left_network, search_new_network;
      DROP INDEX connection_events_traces, peering_connections_past;
      DROP TABLE former_connections, orphans, orphan_checks;
    `);
  }
}
