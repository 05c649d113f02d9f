/** A control request that cannot be carried out; answered with the status and the message. */
export class ControlError extends Error {
  constructor(
    readonly status: 400 | 404 | 405 | 409,
    message: string,
  ) {
    super(message);
  }
}

/** What one field of a control request's JSON body may hold. */
export interface FieldSpec {
  readonly type: 'string' | 'number' | 'integer' | 'boolean' | 'strings' | 'object';
  readonly required?: true;
  readonly values?: readonly string[];
  readonly min?: number;
  readonly max?: number;
}

/** The fields of a control request, by name. */
export type FieldSpecs = Readonly<Record<string, FieldSpec>>;

interface FieldTypes {
  string: string;
  number: number;
  integer: number;
  boolean: boolean;
  strings: string[];
  object: Record<string, unknown>;
}
type FieldValue<S extends FieldSpec> = S extends { values: readonly (infer V)[] } ? V : FieldTypes[S['type']];

/** The values that a body with these fields has, typed after their specs. */
export type Fields<S extends FieldSpecs> = {
  readonly [K in keyof S]: FieldValue<S[K]> | (S[K] extends { required: true } ? never : undefined);
};

/** Something only a simulator can do, reached as `POST /_sim/{cloud}/{name}` with a JSON body. */
export interface ControlOperation {
  readonly summary: string;
  readonly fields: FieldSpecs;
  /** Takes the parsed body; throws {@link ControlError} (or {@link FieldError} from parsing). Returns JSON. */
  readonly run: (body: unknown) => unknown;
}

/** Declares a control operation; `run` gets the body checked and typed after `fields`. */
export function controlOperation<const S extends FieldSpecs>(
  summary: string,
  fields: S,
  run: (input: Fields<S>) => unknown,
): ControlOperation {
  return { summary, fields, run: (body) => run(readFields(body, fields)) };
}

/** Checks a JSON body against the specs. Throws {@link ControlError} 400 naming the first field that is wrong. */
export function readFields<const S extends FieldSpecs>(body: unknown, specs: S): Fields<S> {
  if (body === null || typeof body !== 'object' || Array.isArray(body)) {
    throw new ControlError(400, 'The body must be a JSON object.');
  }
  const given = body as Record<string, unknown>;
  for (const name of Object.keys(given)) {
    if (!Object.hasOwn(specs, name)) {
      const known = Object.keys(specs);
      throw new ControlError(
        400,
        `Unknown field "${name}". ${known.length > 0 ? `Known fields: ${known.join(', ')}.` : 'This takes no fields.'}`,
      );
    }
  }
  for (const [name, spec] of Object.entries(specs)) checkField(name, given[name], spec);
  return given as Fields<S>;
}

function checkField(name: string, value: unknown, spec: FieldSpec): void {
  if (value === undefined) {
    if (spec.required) throw new ControlError(400, `Field "${name}" is missing.`);
    return;
  }
  const wrong = (expected: string): ControlError =>
    new ControlError(400, `Field "${name}" must be ${expected}, not ${JSON.stringify(value)}.`);
  switch (spec.type) {
    case 'string':
      if (typeof value !== 'string' || value === '') throw wrong('a non-empty string');
      if (spec.values && !spec.values.includes(value)) throw wrong(`one of ${spec.values.join(', ')}`);
      return;
    case 'number':
    case 'integer': {
      const isNumber = spec.type === 'integer' ? Number.isInteger(value) : Number.isFinite(value);
      if (!isNumber) throw wrong(spec.type === 'integer' ? 'an integer' : 'a number');
      if (spec.min !== undefined && (value as number) < spec.min) throw wrong(`at least ${spec.min}`);
      if (spec.max !== undefined && (value as number) > spec.max) throw wrong(`at most ${spec.max}`);
      return;
    }
    case 'boolean':
      if (typeof value !== 'boolean') throw wrong('true or false');
      return;
    case 'strings':
      if (!Array.isArray(value) || value.some((item) => typeof item !== 'string'))
        throw wrong('an array of strings');
      return;
    case 'object':
      if (value === null || typeof value !== 'object' || Array.isArray(value)) throw wrong('an object');
  }
}
