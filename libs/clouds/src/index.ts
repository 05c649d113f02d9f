/** Adapters of the clouds: each speaks one vendor's API behind the port of the domain. */
import type { CloudConnector, CloudId } from '#domain';
import { ALIBABA_ERRORS } from './alibaba/errors.js';
import { ALIBABA_STATES } from './alibaba/status.js';
import { AWS_ERRORS } from './aws/errors.js';
import { AWS_STATES } from './aws/status.js';
import { deferred } from './deferred-port.js';
import { HUAWEI_ERRORS } from './huawei/errors.js';
import { HUAWEI_STATES } from './huawei/status.js';
import { OUTSCALE_ERRORS } from './outscale/errors.js';
import { OUTSCALE_STATES } from './outscale/status.js';
import { TENCENT_ERRORS } from './tencent/errors.js';
import { TENCENT_STATES } from './tencent/status.js';
import type { CloudVocabulary } from './vocabulary.js';

export type { CloudVocabulary, ErrorMeaning } from './vocabulary.js';

/** How ports are opened, by cloud. A cloud that is not listed is not served. */
export type CloudConnectors = Readonly<Partial<Record<CloudId, CloudConnector>>>;

/** Every adapter; the vendor's SDK is loaded when a port is first used. */
export const connectors: CloudConnectors = {
  aws: deferred('aws', async () => (await import('./aws/adapter.js')).connectAws),
  alibaba: deferred('alibaba', async () => (await import('./alibaba/adapter.js')).connectAlibaba),
  huawei: deferred('huawei', async () => (await import('./huawei/adapter.js')).connectHuawei),
  tencent: deferred('tencent', async () => (await import('./tencent/adapter.js')).connectTencent),
  outscale: deferred('outscale', async () => (await import('./outscale/adapter.js')).connectOutscale),
};

/** The words of every cloud that has an adapter. */
export const vocabularies: Readonly<Partial<Record<CloudId, CloudVocabulary>>> = {
  aws: { states: AWS_STATES, errors: AWS_ERRORS },
  alibaba: { states: ALIBABA_STATES, errors: ALIBABA_ERRORS },
  huawei: { states: HUAWEI_STATES, errors: HUAWEI_ERRORS },
  tencent: { states: TENCENT_STATES, errors: TENCENT_ERRORS },
  outscale: { states: OUTSCALE_STATES, errors: OUTSCALE_ERRORS },
};
