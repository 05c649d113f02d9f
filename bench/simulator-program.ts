/** Simulated clouds as a program of their own: says where they are to whoever started it, and stays until told to stop. */
import type { CloudId } from '#domain';

import { startSimulators } from '../apps/cloud-sim/src/simulator.js';

const simulators = await startSimulators({
  ports: 'ephemeral',
  clouds: process.argv.slice(2) as CloudId[],
});
const { controlUrl } = simulators;
const endpoints = Object.fromEntries([...simulators.clouds].map(([id, { endpoint }]) => [id, endpoint]));
process.send?.({ controlUrl, endpoints });
process.once('SIGTERM', () => void simulators.close().then(() => process.exit()));
