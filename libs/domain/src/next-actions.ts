/** What somebody has to do next for a connection, derived from its reason; nothing here is stored. */
import { adviceFor, adviceOnDrift, type Advice } from './advice.js';
import type { CloudId } from './cloud-port.js';
import type { CloudProfile, FieldSpec, InstructionContext, NextAction } from './cloud-profile.js';
import { missingFields, sides } from './cloud-profile.js';
import type { PeeringConnection, PlatformNetwork } from './peering-connection.js';
import { withPlaceholdersExplained } from './placeholders.js';
import { fill, reasonMessage, REASONS, type Locale, type ReasonCode } from './reason.js';

/** What a customer does before there is a connection: shown in the offer of a deployment. */
export function offerInstructions(
  network: PlatformNetwork,
  profile: CloudProfile,
  locale: Locale,
): NextAction {
  const spec = { kind: profile.cloud };
  const context = { network, spec, providerId: null, customerCidrs: [], locale };
  const { steps, ...action } = profile.instructions.createRequest(context);
  const told = { ...action, steps: [...steps, declareIt(network, profile, locale)] };
  return withPlaceholdersExplained(told, locale);
}

/** What is to be done now, most urgent first; empty where nobody has to do anything. */
export function nextActions(
  connection: PeeringConnection,
  network: PlatformNetwork,
  profile: CloudProfile,
  locale: Locale,
): NextAction[] {
  const { status, spec } = connection;
  const advice =
    adviceOnDrift(status, network.driftPolicy) ??
    adviceFor(status.reason.code, status.state, profile.capabilities);
  const advised = advice && advise(advice, connection, locale);
  // The customer has done what is theirs; what stops the broker from finishing it may be the operator's.
  if (connection.desired === 'absent') return advised?.actor === 'operator' ? [advised] : [];
  const { instructions } = profile;
  const seen = status.lastSeen?.peering;
  const context: InstructionContext = {
    network,
    spec: spec.cloud,
    providerId: status.providerId,
    customerCidrs: seen ? sides(profile.capabilities, seen).customer.cidrs : spec.cidrs,
    locale,
  };
  const present = (...actions: readonly (NextAction | null)[]): NextAction[] =>
    actions.filter((action) => action !== null).map((action) => withPlaceholdersExplained(action, locale));
  switch (status.state) {
    case 'awaiting_request': {
      const hasRequest = profile.declaredProviderId(spec.cloud) !== null;
      const create = hasRequest ? null : instructions.createRequest(context);
      return present(create, completeDetails(connection, profile, locale));
    }
    case 'awaiting_approval':
      // What is being withdrawn is not to be approved any more: it would be undone.
      return present(status.ending === null ? instructions.approve(context) : null, advised);
    case 'running':
      return present(advised, instructions.addRoute(context), instructions.allowTraffic(context));
    default:
      return present(advice?.newRequest === true ? instructions.createRequest(context) : null, advised);
  }
}

/** How a block is written. */
const EXAMPLE_CIDR = '172.16.0.0/16';

/** A request with these values of a spec, by the name of each with its example. */
function exampleRequest(call: string, fields: readonly FieldSpec[], cidrs: boolean, kind?: CloudId): string {
  const cloud = {
    ...(kind && { kind }),
    ...Object.fromEntries(fields.map(({ name, example }) => [name, example])),
  };
  const spec = {
    ...(Object.keys(cloud).length > 0 && { cloud }),
    ...(cidrs && { cidrs: [EXAMPLE_CIDR] }),
  };
  return `${call} ${JSON.stringify({ spec })}`;
}

/** The call that tells the broker of what the customer has made, once they have followed the offer. */
function declareIt({ deploymentId }: PlatformNetwork, profile: CloudProfile, locale: Locale): string {
  const fields = profile.fields.filter(({ required }) => required);
  const call = `POST /v1/deployments/${deploymentId}/peerings`;
  const request = exampleRequest(call, fields, profile.cidrsRequired, profile.cloud);
  return locale === 'zh' ? `向平台提交的方式：${request}` : `Tell the platform in the manner of: ${request}`;
}

/** Where to find each value that a draft still lacks, and the request that sends them. */
function completeDetails(
  { id, spec, status }: PeeringConnection,
  profile: CloudProfile,
  locale: Locale,
): NextAction {
  const missing = missingFields(profile, spec.cloud, spec.cidrs);
  const fields = profile.fields.filter(({ name }) => missing.includes(`cloud.${name}`));
  const cidrs = missing.includes('cidrs');
  const request = exampleRequest(`PATCH /v1/peerings/${id}`, fields, cidrs);
  return {
    actor: 'customer',
    code: 'complete_request_details',
    title: locale === 'zh' ? '补充请求信息' : 'Complete the connection with the details of your request',
    steps: [
      reasonMessage(status.reason, locale),
      ...fields.map(({ name, help }) => (locale === 'zh' ? `${name}：${help.zh}` : `${name}: ${help.en}`)),
      ...(cidrs
        ? [locale === 'zh' ? 'cidrs：您的 VPC 的全部网段。' : 'cidrs: all address blocks of your VPC.']
        : []),
      locale === 'zh' ? `填写方式：${request}` : `Send them in the manner of: ${request}`,
    ],
    artifacts: {},
  };
}

function advise(advice: Advice, connection: PeeringConnection, locale: Locale): NextAction {
  const params = { id: connection.id, deploymentId: connection.deploymentId };
  return {
    actor: advice.actor,
    code: advice.code,
    title: advice.title[locale],
    steps: [
      reasonMessage(connection.status.reason, locale),
      ...advice.steps.map((step) => fill(step[locale], params)),
    ],
    artifacts: {},
  };
}

/** Who has to move for a reason to change. */
export function actorOf(code: ReasonCode): 'customer' | 'platform' | 'nobody' {
  return REASONS[code].actor;
}
