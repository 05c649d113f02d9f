/** What a control client may say of an account; the cloud fills in the rest. */
export interface AccountAttributes {
  readonly accountId?: string | undefined;
  readonly name?: string | undefined;
  readonly accessKeyId?: string | undefined;
  readonly secretAccessKey?: string | undefined;
  /** The cloud's own, such as Huawei's project id or Tencent's APPID. */
  readonly attributes?: Readonly<Record<string, string>> | undefined;
}

/** An account of a simulated cloud with its long-lived key. */
export interface Account {
  readonly accountId: string;
  /** `platform` and `customer` for the two that always exist; free text otherwise. */
  readonly name: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly attributes: Readonly<Record<string, string>>;
}

/** A key pair that signs requests for an account: the account's own, or a temporary one. */
export interface Credential {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly accountId: string;
  /** Present for temporary credentials, which must send it. */
  readonly sessionToken?: string;
  /** Milliseconds since the epoch in simulated time; undefined for never. */
  readonly expiresAt?: number;
  /** Who acts, in the cloud's own notation (such as an assumed role's ARN), where it is not the account itself. */
  readonly principal?: string;
}

/** Everything that {@link Accounts} holds. */
export interface AccountsSnapshot {
  readonly accounts: readonly Account[];
  readonly credentials: readonly Credential[];
  readonly denied: readonly { readonly accountId: string; readonly operations: readonly string[] }[];
}

/** The accounts of one cloud, their keys, and what an operator of the simulator has forbidden them. */
export class Accounts {
  readonly #accounts = new Map<string, Account>();
  readonly #credentials = new Map<string, Credential>();
  readonly #denied = new Map<string, Set<string>>();
  #changeCount = 0;

  /** Rises with every account or key that is added, changed or removed, and every permission. */
  get changeCount(): number {
    return this.#changeCount;
  }

  get(accountId: string): Account | undefined {
    return this.#accounts.get(accountId);
  }

  /** The account made with this name. */
  named(name: string): Account | undefined {
    return this.list().find((account) => account.name === name);
  }

  list(): Account[] {
    return [...this.#accounts.values()];
  }

  /** Adds an account, or gives an existing one a new key or attributes. The key it had stops working. */
  put(account: Account): Account {
    const before = this.#accounts.get(account.accountId);
    const holder = this.#credentials.get(account.accessKeyId);
    if (holder && holder.accountId !== account.accountId) {
      throw new RangeError(
        `Access key ${account.accessKeyId} already belongs to account ${holder.accountId}.`,
      );
    }
    this.#changeCount++;
    if (before) this.#credentials.delete(before.accessKeyId);
    this.#accounts.set(account.accountId, account);
    this.#credentials.set(account.accessKeyId, {
      accessKeyId: account.accessKeyId,
      secretAccessKey: account.secretAccessKey,
      accountId: account.accountId,
    });
    return account;
  }

  /** The credential behind an access key id, whether or not it has expired. */
  credential(accessKeyId: string): Credential | undefined {
    return this.#credentials.get(accessKeyId);
  }

  /** Adds a temporary key, as a cloud's token service issues. */
  addCredential(credential: Credential): void {
    this.#changeCount++;
    this.#credentials.set(credential.accessKeyId, credential);
  }

  /** Makes an access key unknown to the cloud; false when it already is. */
  revokeKey(accessKeyId: string): boolean {
    this.#changeCount++;
    return this.#credentials.delete(accessKeyId);
  }

  /** Forbids (or allows again) an operation to an account; `*` is every operation. */
  setDenied(accountId: string, operation: string, denied: boolean): void {
    const operations = this.#denied.get(accountId) ?? new Set<string>();
    this.#changeCount++;
    if (denied) operations.add(operation);
    else operations.delete(operation);
    this.#denied.set(accountId, operations);
  }

  /** Whether the account may not do this: the cloud answers with its own permission error. */
  isDenied(accountId: string, operation: string): boolean {
    const operations = this.#denied.get(accountId);
    return operations !== undefined && (operations.has(operation) || operations.has('*'));
  }

  /** What {@link Accounts.restore} takes. It holds the secret keys. */
  snapshot(): AccountsSnapshot {
    return {
      accounts: [...this.#accounts.values()],
      credentials: [...this.#credentials.values()],
      denied: [...this.#denied].map(([accountId, operations]) => ({
        accountId,
        operations: [...operations],
      })),
    };
  }

  /** Puts a snapshot in the place of everything. */
  restore({ accounts, credentials, denied }: AccountsSnapshot): void {
    this.clear();
    for (const account of accounts) this.#accounts.set(account.accountId, account);
    for (const credential of credentials) this.#credentials.set(credential.accessKeyId, credential);
    for (const { accountId, operations } of denied) this.#denied.set(accountId, new Set(operations));
  }

  clear(): void {
    this.#changeCount++;
    this.#accounts.clear();
    this.#credentials.clear();
    this.#denied.clear();
  }
}
