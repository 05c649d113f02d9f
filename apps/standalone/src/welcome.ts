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
    const as = `curl -s -u ${tenant.keyId}:${tenant.secret}`;
    const deployment = tenant.deployments.aws ?? '';
    terminal.heading('Try it');
    terminal.line(`  ${as} ${apiUrl}/v1/deployments/${deployment}/peering-offer`);
    terminal.line(`  ${as} ${apiUrl}/v1/peerings`);
    terminal.line(
      peeringId === null
        ? `  ${as} ${apiUrl}/v1/deployments/${deployment}/cidr-suggestions`
        : `  ${as} -X DELETE ${apiUrl}/v1/peerings/${peeringId}`,
    );
  }
  terminal.line();
  terminal.line(terminal.style('dim', 'Ctrl-C stops everything; the next npm start goes on from here.'));
}
