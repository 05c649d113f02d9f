import { createHash } from 'node:crypto';

import type { CloudConnector, CloudCredentials, CloudId, CloudPort } from '#domain';

import { AccountGate, DEFAULT_GATE_SETTINGS, type CallListener } from './account-gate.js';
import { CallPacer, limitsOf, type CallPacerParts, type PaceObserver } from './call-pacer.js';

/** A platform account as it is stored: the credentials are encrypted. */
export interface StoredAccount {
  readonly id: string;
  readonly cloud: CloudId;
  /** The account's number in the cloud. */
  readonly accountId: string;
  readonly credentials: Buffer;
  readonly endpoints: Readonly<Record<string, string>>;
  /** Changes with every change by an operator, in epoch milliseconds. */
  readonly updatedAt: number;
}

/** How a platform account is spoken for in one region. */
export interface CloudAccess {
  readonly port: CloudPort;
  readonly gate: AccountGate;
  /** When a look there may begin, in epoch milliseconds; null: now. */
  readonly appointment: () => number | null;
  /** When a change is to be tried again whose call was held back, in epoch milliseconds. */
  readonly comeBack: (operation: string) => number;
}

/** Told about every call that a cloud was asked for. */
export interface CallObserver extends PaceObserver {
  /** @param outcome `ok`, or the category of the error */
  called(cloud: CloudId, operation: string, outcome: string, ms: number): void;
}

export interface AccountPoolParts extends CallPacerParts {
  readonly connectors: Readonly<Partial<Record<CloudId, CloudConnector>>>;
  /** Opens the envelope of credentials. @throws when no key fits */
  readonly decrypt: (envelope: Buffer) => unknown;
  /** Deadline of one call, in milliseconds. */
  readonly callTimeoutMs: number;
  readonly observer: CallObserver;
}

interface Entry {
  readonly fingerprint: string;
  account: StoredAccount;
  readonly gate: AccountGate;
  readonly pacer: CallPacer;
  readonly ports: Map<string, CloudPort>;
}

/**
 * One port per platform account and region, and one gate per account. Credentials are decrypted when the first port
 * opens and live nowhere but in memory; once an operator has changed them, the next use opens anew.
 */
export class AccountPool {
  readonly #entries = new Map<string, Entry>();
  #isEnding = false;

  constructor(private readonly parts: AccountPoolParts) {}

  /** @throws Error when nobody can speak to the cloud here, or the stored credentials cannot be decrypted */
  access(account: StoredAccount, region: string): CloudAccess {
    const entry = this.#entryOf(account);
    const { accountId, cloud, credentials, endpoints } = entry.account;
    let port = entry.ports.get(region);
    if (port === undefined) {
      const connect = this.parts.connectors[cloud];
      if (connect === undefined) throw new Error(`this worker has no adapter for ${cloud}`);
      port = connect({
        region,
        accountId,
        credentials: this.parts.decrypt(credentials) as CloudCredentials,
        endpoints,
        timeoutMs: this.parts.callTimeoutMs,
        admit: (operation) => entry.pacer.admit(operation, region),
      });
      entry.ports.set(region, port);
    }
    const { gate, pacer } = entry;
    return {
      port,
      gate,
      appointment: () => pacer.appointment(region, gate.waiting),
      comeBack: (operation) => pacer.comeBack(operation, region),
    };
  }

  #entryOf(account: StoredAccount): Entry {
    const known = this.#entries.get(account.id);
    // Whoever has read the account before its latest change speaks for it as it is now.
    if (known && account.updatedAt < known.account.updatedAt) return known;
    const fingerprint = fingerprintOf(account);
    if (known?.fingerprint === fingerprint) {
      known.account = account;
      return known;
    }
    if (known) retire(known);
    const { clock, observer } = this.parts;
    const { parallel } = limitsOf(account.cloud, this.parts.callsPerSecond);
    const settings = { ...DEFAULT_GATE_SETTINGS, parallelCalls: parallel };
    const called: CallListener = (...call) => observer.called(account.cloud, ...call);
    const gate = new AccountGate(settings, clock, called);
    // Limits are the account's, whatever it signs with.
    const pacer = known?.pacer ?? new CallPacer(this.parts, account.cloud, account.id);
    if (this.#isEnding) pacer.close();
    const entry = { fingerprint, account, gate, pacer, ports: new Map<string, CloudPort>() };
    this.#entries.set(account.id, entry);
    return entry;
  }

  /** The process shuts down: nobody waits for admission any more, so that what is under way ends soon. */
  stopWaiting(): void {
    this.#isEnding = true;
    for (const { pacer } of this.#entries.values()) pacer.close();
  }

  close(): void {
    this.stopWaiting();
    for (const entry of this.#entries.values()) closePorts(entry);
    this.#entries.clear();
  }
}

function fingerprintOf({ cloud, accountId, credentials, endpoints }: StoredAccount): string {
  return createHash('sha256')
    .update(JSON.stringify([cloud, accountId, Object.entries(endpoints).sort()]))
    .update(credentials)
    .digest('base64');
}

/** Calls that are under way with the old credentials may end; nothing new reaches them. */
function retire(entry: Entry): void {
  if (entry.gate.idle) {
    closePorts(entry);
    return;
  }
  setTimeout(retire, 1_000, entry).unref();
}

function closePorts(entry: Entry): void {
  for (const port of entry.ports.values()) port.close();
  entry.ports.clear();
}
