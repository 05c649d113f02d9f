/** Ids in paths: what cannot be an id of ours names nothing. */
import type { PipeTransform } from '@nestjs/common';

import { isId, type IdPrefix } from '#runtime';

import { notFound, type Noun } from './problem-body.js';

export class IdPipe implements PipeTransform<string, string> {
  constructor(
    private readonly prefix: IdPrefix,
    private readonly noun: Noun,
  ) {}

  /** @throws Problem `not_found` */
  transform(value: string): string {
    if (!isId(this.prefix, value)) throw notFound(this.noun);
    return value;
  }
}
