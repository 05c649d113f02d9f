import type { Broker } from './broker.js';
import { displayPath } from './display-path.js';
import type { Settings } from './settings.js';
import type { Terminal } from './terminal.js';

const WIDTH = 14;

/** What can be done now: addresses, files, and commands that work as they are. */
export function welcome(
  terminal: Terminal,
  broker: Broker,
  settings: Settings,
  peeringId: string | null,
): void {
  const { apiUrl, credentials } = broker;
  const [tenant] = credentials.tenants;
  terminal.heading('Ready');
  terminal.row([['customers', WIDTH]], `${apiUrl}/v1, documentation ${apiUrl}/docs`);
  terminal.row([['operators', WIDTH]], `${apiUrl}/admin/v1, documentation ${apiUrl}/admin/docs`);
  terminal.row([['simulators', WIDTH]], `${credentials.simulatorUrl}/_sim`);
  terminal.row([['credentials', WIDTH]], displayPath(settings.dataDir, 'credentials.json'));
  terminal.row([['logs', WIDTH]], displayPath(settings.dataDir, 'logs'));
  if (tenant) {
    const deployment = `${apiUrl}/v1/deployments/${tenant.deployments.aws ?? ''}`;
    const commands: readonly [what: string, command: string][] = [
      ['what a customer is shown before they begin', `${deployment}/peering-offer`],
      ['every connection, with its state, the reason and what is to be done', `${apiUrl}/v1/peerings`],
      peeringId === null
        ? ['blocks that are free for a new network', `${deployment}/cidr-suggestions`]
        : [
            'the end of this connection, which leaves nothing behind',
            `-X DELETE ${apiUrl}/v1/peerings/${peeringId}`,
          ],
    ];
    terminal.heading('Try it');
    for (const [what, command] of commands) {
      terminal.line(terminal.style('dim', `  # ${what}`));
      terminal.line(`  curl -s -u ${tenant.keyId}:${tenant.secret} ${command}`);
    }
  }
  terminal.line();
  terminal.line(terminal.style('dim', 'Ctrl-C stops everything; the next npm start goes on from here.'));
}
