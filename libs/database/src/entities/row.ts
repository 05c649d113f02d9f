/** The columns of an entity as a plain object. */
export type Row<Entity> = Pick<Entity, keyof Entity>;
