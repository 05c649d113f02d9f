import { PortInUseError, startSimulators, StateFileError } from './simulator.js';

const DEFAULT_CONTROL_PORT = 4000;

function controlPort(): number {
  const given = process.env['SIM_PORT'];
  if (given === undefined || given === '') return DEFAULT_CONTROL_PORT;
  const port = Number(given);
  if (!Number.isInteger(port) || port < 1 || port > 65_530) {
    throw new PortInUseError(
      `SIM_PORT must be an integer from 1 to 65530 (five more ports follow it), not "${given}".`,
    );
  }
  return port;
}

try {
  const host = process.env['HOST'];
  const stateFile = process.env['SIM_STATE_FILE'];
  const simulators = await startSimulators({
    ports: controlPort(),
    ...(host ? { host } : {}),
    ...(stateFile ? { stateFile } : {}),
  });
  process.stdout.write(`control   ${simulators.controlUrl}/_sim\n`);
  for (const [id, { endpoint }] of simulators.clouds) process.stdout.write(`${id.padEnd(9)} ${endpoint}\n`);
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => void simulators.close());
} catch (error) {
  if (!(error instanceof PortInUseError || error instanceof StateFileError)) throw error;
  process.stderr.write(`cloud-sim: ${error.message}\n`);
  process.exitCode = 1;
}
