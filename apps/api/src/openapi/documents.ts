/** The API's documents, made from the controllers. */
import type { INestApplication, Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

import { ApiModule } from '../api.module.js';
import { CustomerModule } from '../customer.module.js';
import { OperatorModule } from '../operator/operator.module.js';
import { problemExamples } from './operation.decorators.js';

const ABOUT = `
Every answer that is not a success is \`application/problem+json\` (RFC 9457) with a stable \`code\`, and says in \`fix\`
what to do. \`errors[].pointer\` is a JSON Pointer into the body; \`?name\` is a query parameter, \`Name:\` a header.

Texts follow \`Accept-Language\` (\`en\`, \`zh\`); codes never change. Times are ISO 8601 in UTC. Lists take \`limit\` and
\`cursor\`; pass \`nextCursor\` as it is, with the same filters. Unknown fields and parameters are refused.
`.trim();

const ABOUT_CUSTOMER = `
Connects your own cloud network to your deployment over private addresses, and keeps watch over the connection for as
long as it lives.

1. \`GET /v1/deployments/{id}/peering-offer\` says what to create on your side, ready to paste.
2. \`POST /v1/deployments/{id}/peerings\` with what you created. It answers 202 at once.
3. \`GET /v1/peerings/{id}?wait=running,failed&timeout=30s\` waits; \`status.nextActions\` says who has to do what.

${ABOUT}
`.trim();

const ABOUT_OPERATOR = `
Sets up tenants, projects, platform accounts and deployments, and watches over the connections of all tenants.

${ABOUT}
`.trim();

function base(title: string, description: string): DocumentBuilder {
  return new DocumentBuilder()
    .setTitle(title)
    .setDescription(description)
    .setVersion('1')
    .setOpenAPIVersion('3.1.0')
    .addServer('/')
    .addBasicAuth({ type: 'http', scheme: 'basic', description: 'Key id and secret.' }, 'basic')
    .addBearerAuth(
      { type: 'http', scheme: 'bearer', description: 'The same pair: `Bearer <keyId>:<secret>`.' },
      'bearer',
    );
}

function make(app: INestApplication, config: DocumentBuilder, of: Type): OpenAPIObject {
  const document = SwaggerModule.createDocument(app, config.build(), { include: [of] });
  return { ...document, components: { ...document.components, examples: problemExamples() } };
}

/** What customers can do. */
export function customerDocument(app: INestApplication): OpenAPIObject {
  return make(app, base('Peering Broker', ABOUT_CUSTOMER), CustomerModule);
}

/** What operators can do. */
export function operatorDocument(app: INestApplication): OpenAPIObject {
  return make(app, base('Peering Broker for operators', ABOUT_OPERATOR), OperatorModule);
}

/** Both documents by the names of their files, without anything that the API needs to run. */
export async function generateDocuments(): Promise<Readonly<Record<string, OpenAPIObject>>> {
  // In preview nothing is instantiated: the routes are there, what serves them is not.
  const options = { preview: true, logger: false, abortOnError: false } as const;
  const app = await NestFactory.create(ApiModule.withoutParts(), new FastifyAdapter(), options);
  return { 'openapi.json': customerDocument(app), 'admin-openapi.json': operatorDocument(app) };
}

/** Serves both documents, each as JSON and as a page; every asset of the pages is local. */
export function serveDocuments(app: INestApplication): void {
  const pages = [
    { path: 'docs', json: 'openapi.json', title: 'Peering Broker API', document: customerDocument },
    {
      path: 'admin/docs',
      json: 'admin/openapi.json',
      title: 'Peering Broker operator API',
      document: operatorDocument,
    },
  ];
  for (const { path, json, title, document } of pages) {
    SwaggerModule.setup(path, app, () => document(app), {
      jsonDocumentUrl: json,
      raw: ['json'],
      customSiteTitle: title,
      swaggerOptions: { docExpansion: 'list', defaultModelsExpandDepth: 0, displayRequestDuration: true },
    });
  }
}
