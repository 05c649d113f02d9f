/** What a customer gives, as JSON Schema: made from the clouds' profiles, for offers, forms and the API's document. */
import { profileOf, SERVED_CLOUDS, type CloudProfile, type Locale } from '#domain';

/** The part of JSON Schema (2020-12) that is used here. */
export interface JsonSchema {
  readonly $schema?: string;
  readonly type: 'object' | 'string' | 'array' | readonly ['string', 'null'];
  readonly title?: string;
  readonly description?: string;
  readonly const?: string;
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly examples?: readonly string[];
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean;
  readonly items?: JsonSchema;
  readonly maxItems?: number;
  readonly minItems?: number;
}

/** Blocks that one connection may declare. */
export const MAX_CIDRS = 20;

const CIDRS = {
  optional: {
    en: 'The IPv4 blocks of your VPC, where you know them already: they are checked and kept free for you.',
    zh: '您的 VPC 的 IPv4 地址段（如已知）：系统会提前校验并为您保留。',
  },
  required: {
    en: 'The IPv4 blocks of your VPC. This cloud does not report them to the platform.',
    zh: '您的 VPC 的 IPv4 地址段。该云不会向平台提供此信息。',
  },
} as const;

/** `spec` of a connection on this cloud. `required` names what a complete request needs; a draft may lack it. */
export function specSchema(profile: CloudProfile, locale: Locale): JsonSchema {
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    type: 'object',
    additionalProperties: false,
    required: profile.cidrsRequired ? ['cloud', 'cidrs'] : ['cloud'],
    properties: {
      cloud: cloudSchema(profile, locale, 'complete'),
      cidrs: {
        type: 'array',
        description: CIDRS[profile.cidrsRequired ? 'required' : 'optional'][locale],
        items: { type: 'string', examples: ['172.16.0.0/16'] },
        maxItems: MAX_CIDRS,
        ...(profile.cidrsRequired ? { minItems: 1 } : {}),
      },
    },
  };
}

/** `spec.cloud` of a connection on this cloud. */
export function cloudSchema(profile: CloudProfile, locale: Locale, extent: Extent): JsonSchema {
  const required = profile.fields.filter((field) => field.required).map((field) => field.name);
  return {
    type: 'object',
    additionalProperties: false,
    required: extent === 'change' ? [] : ['kind', ...(extent === 'complete' ? required : [])],
    properties: {
      kind: { type: 'string', const: profile.cloud },
      ...Object.fromEntries(
        profile.fields.map((field) => [
          field.name,
          {
            type: extent === 'change' ? ['string', 'null'] : 'string',
            title: field.title[locale],
            description: field.help[locale],
            pattern: field.pattern,
            examples: [field.example],
          } satisfies JsonSchema,
        ]),
      ),
    },
  };
}

/** How much of `spec.cloud` is there: all of it, as much as a draft has, or what is to be changed. */
type Extent = 'complete' | 'draft' | 'change';

/** `spec.cloud` of every cloud, for the API's document. */
export function cloudSchemas(extent: Exclude<Extent, 'complete'>): JsonSchema[] {
  return SERVED_CLOUDS.map((cloud) => ({ title: cloud, ...cloudSchema(profileOf(cloud), 'en', extent) }));
}

/** A complete `spec.cloud`, for examples. */
export function exampleCloudSpec(profile: CloudProfile): Readonly<Record<string, string>> {
  return {
    kind: profile.cloud,
    ...Object.fromEntries(
      profile.fields.filter((field) => field.required).map((field) => [field.name, field.example]),
    ),
  };
}
