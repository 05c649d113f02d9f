import { describe, expect, test } from '@jest/globals';

import { missingFields, profileOf, SERVED_CLOUDS, type CloudId } from '#domain';

import { cloudSchema, exampleCloudSpec, specSchema } from './cloud-spec-schema.js';
import { readSpec } from './declared-spec.js';

const codes = ({ issues }: { readonly issues: readonly { pointer: string; code: string }[] }): string[] =>
  issues.map(({ pointer, code }) => `${pointer} ${code}`);

describe.each(SERVED_CLOUDS)('on %s', (cloud: CloudId) => {
  const profile = profileOf(cloud);
  const example = exampleCloudSpec(profile);

  test('the example is complete and right', () => {
    const cidrs = profile.cidrsRequired ? ['172.16.0.0/16'] : [];
    const { spec, issues } = readSpec(profile, { cloud: example, cidrs }, null);
    expect(issues).toEqual([]);
    expect(spec).toEqual({ cloud: example, cidrs });
    expect(missingFields(profile, spec.cloud, spec.cidrs)).toEqual([]);
  });

  test('each field is held to its form, with what to type in both languages', () => {
    for (const field of profile.fields) {
      const { issues } = readSpec(profile, { cloud: { ...example, [field.name]: '?' } }, null);
      expect(codes({ issues })).toEqual([`/spec/cloud/${field.name} bad_format`]);
      expect(issues[0]!.params).toMatchObject({ given: '?', help: field.help, example: field.example });
    }
  });

  test('the kind alone is a draft', () => {
    const { spec, issues } = readSpec(profile, { cloud: { kind: cloud } }, null);
    expect(issues).toEqual([]);
    expect(spec).toEqual({ cloud: { kind: cloud }, cidrs: [] });
  });

  test.each(SERVED_CLOUDS.filter((other) => other !== cloud))('%s is refused', (other) => {
    expect(() => readSpec(profile, { cloud: exampleCloudSpec(profileOf(other)) }, null)).toThrow(
      expect.objectContaining({ code: 'cloud_mismatch', params: { expected: cloud, given: other } }),
    );
  });

  test('the schema of the offer names every field, and what is required', () => {
    const schema = specSchema(profile, 'zh');
    const fields = schema.properties!['cloud']!;
    expect(Object.keys(fields.properties!)).toEqual(['kind', ...profile.fields.map(({ name }) => name)]);
    expect(fields.required).toEqual(Object.keys(example));
    expect(schema.required).toEqual(profile.cidrsRequired ? ['cloud', 'cidrs'] : ['cloud']);
    expect(cloudSchema(profile, 'en', 'draft').required).toEqual(['kind']);
  });
});

describe('a change', () => {
  const profile = profileOf('aws');
  const before = { cloud: { ...exampleCloudSpec(profile), kind: 'aws' }, cidrs: ['172.16.0.0/16'] } as const;

  test('replaces what is given, takes back what is null, and leaves the rest', () => {
    const { spec, issues } = readSpec(
      profile,
      { cloud: { vpcId: 'vpc-00000001', connectionId: null } },
      before,
    );
    expect(issues).toEqual([]);
    expect(spec.cloud).toEqual({ kind: 'aws', accountId: '210987654321', vpcId: 'vpc-00000001' });
    expect(spec.cidrs).toEqual(before.cidrs);
  });

  test('replaces the blocks as a whole', () => {
    expect(readSpec(profile, { cidrs: [] }, before).spec.cidrs).toEqual([]);
    expect(readSpec(profile, {}, before).spec).toEqual(before);
  });

  test('may name its kind, and only its own', () => {
    expect(readSpec(profile, { cloud: { kind: 'aws' } }, before).issues).toEqual([]);
    expect(() => readSpec(profile, { cloud: { kind: 'tencent' } }, before)).toThrow();
    expect(codes(readSpec(profile, { cloud: { kind: 'azure' } }, before))).toEqual([
      '/spec/cloud/kind not_one_of',
    ]);
  });

  test('of a field that is named like a method of every object is refused', () => {
    const cloud = JSON.parse('{"constructor":"x","toString":"y"}') as Record<string, unknown>;
    expect(codes(readSpec(profile, { cloud }, before))).toEqual([
      '/spec/cloud/constructor unknown_field',
      '/spec/cloud/toString unknown_field',
    ]);
  });
});
