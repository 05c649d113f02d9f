/** Holds every answer that a spec gets to what the API's documents promise for it, to the last field. */
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js';

import { generateDocuments } from '../../apps/api/src/openapi/documents.js';

interface Answer {
  readonly content?: Readonly<Record<string, { readonly schema?: object }>>;
}

interface Operation {
  readonly responses: Readonly<Record<string, Answer>>;
}

/** What is used of an OpenAPI document here. */
export interface ApiDocument {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, object>> };
}

interface Route {
  readonly method: string;
  readonly pattern: RegExp;
  readonly operation: Operation;
  readonly document: ApiDocument;
}

export class DocumentedAnswers {
  private readonly validators = new Map<object, ValidateFunction>();
  private readonly routes: readonly Route[];

  private constructor(documents: readonly ApiDocument[]) {
    this.routes = documents.flatMap((document) =>
      Object.entries(document.paths).flatMap(([url, operations]) => {
        const pattern = new RegExp(`^${url.replace(/\{\w+\}/g, '[^/]+')}$`);
        return Object.entries(operations).map(([method, operation]) => ({
          method,
          pattern,
          operation,
          document,
        }));
      }),
    );
  }

  static async load(): Promise<DocumentedAnswers> {
    return new DocumentedAnswers(Object.values(await generateDocuments()) as unknown as ApiDocument[]);
  }

  /**
   * Nothing for a path that no document names.
   * @throws Error when the status is not documented, or the body is not as documented
   */
  check(method: string, path: string, status: number, contentType: string, body: unknown): void {
    const route = this.routes.find(
      (each) => each.method === method.toLowerCase() && each.pattern.test(path.split('?', 1)[0] ?? ''),
    );
    if (route === undefined) return;
    const what = `${method} ${path} answered ${String(status)}`;
    const answer = route.operation.responses[String(status)];
    if (answer === undefined) throw new Error(`${what}, which is not documented: ${JSON.stringify(body)}`);
    const schema = answer.content?.[contentType.split(';', 1)[0] ?? '']?.schema;
    if (schema === undefined) {
      if (answer.content === undefined && body === null) return;
      throw new Error(`${what} with ${contentType}, which is not documented.`);
    }
    const validate = this.validator(schema, route.document);
    if (!validate(body)) {
      throw new Error(
        `${what}, not as documented: ${JSON.stringify(validate.errors)} in ${JSON.stringify(body)}`,
      );
    }
  }

  private validator(schema: object, document: ApiDocument): ValidateFunction {
    let validate = this.validators.get(schema);
    if (validate === undefined) {
      const ajv = new Ajv2020({ strict: false, validateFormats: false, allErrors: true });
      const { schemas } = document.components;
      validate = ajv.compile({ ...closed(schema), components: { schemas: closed(schemas) } } as object);
      this.validators.set(schema, validate);
    }
    return validate;
  }
}

/** The same schema with no room for fields that it does not name. */
function closed(schema: unknown): object {
  if (Array.isArray(schema)) return schema.map((each: unknown) => (isObject(each) ? closed(each) : each));
  const copy = Object.fromEntries(
    Object.entries(schema as object).map(([name, value]: [string, unknown]) => [
      name,
      name !== 'example' && isObject(value) ? closed(value) : value,
    ]),
  );
  return 'properties' in copy && !('additionalProperties' in copy)
    ? { ...copy, additionalProperties: false }
    : copy;
}

function isObject(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
