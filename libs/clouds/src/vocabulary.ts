/** What a cloud's own words mean to the broker, as data: one vocabulary per cloud, proved by the contract suite. */
import type { CloudErrorCategory, ProviderPhase, ReasonCode } from '#domain';

/** What an error code of a cloud means. */
export interface ErrorMeaning {
  readonly category: CloudErrorCategory;
  /** Where the code says more exactly than its category why a connection cannot go on. */
  readonly reason?: ReasonCode;
}

/** The words of one cloud. */
export interface CloudVocabulary {
  /** Every state that the cloud documents for a connection. */
  readonly states: Readonly<Record<string, ProviderPhase>>;
  /** Every error code that is known to matter here; others are judged by their HTTP status. */
  readonly errors: Readonly<Record<string, ErrorMeaning>>;
}
