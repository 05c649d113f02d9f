/** The rules of the broker: pure, importing nothing. */
export * from './address-plan.js';
export * from './call-pace.js';
export * from './cidr.js';
export * from './circuit.js';
export * from './cloud-port.js';
export * from './cloud-profile.js';
export * from './cloud-spec.js';
export * from './clouds/profiles.js';
export * from './engine/decide.js';
export {
  DEFAULT_ENGINE_SETTINGS,
  type Decision,
  type DecisionInput,
  type EngineSettings,
  type Sighting,
} from './engine/decision.js';
export * from './intents.js';
export * from './next-actions.js';
export * from './orphans.js';
export * from './peering-connection.js';
export * from './peering-state.js';
export * from './placeholders.js';
export * from './problem.js';
export * from './reason.js';
export * from './routing.js';
