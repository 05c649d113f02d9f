/** What a process measures of itself, in the format of Prometheus. */
import { collectDefaultMetrics, Registry } from 'prom-client';

export type MetricsRegistry = Registry;

/** A registry of its own for one process or part (`api`, `worker`, …) with the metrics of Node.js in it. */
export function createMetricsRegistry(app: string): MetricsRegistry {
  const registry = new Registry();
  registry.setDefaultLabels({ app });
  collectDefaultMetrics({ register: registry });
  return registry;
}
