/** How instructions are worded and laid out, whatever the cloud. */
import type { Locale } from '../reason.js';

/** The text in the reader's language. */
export const choose = (locale: Locale, en: string, zh: string): string => (locale === 'zh' ? zh : en);

/** Values within a sentence. */
export const listed = (values: readonly string[], locale: Locale): string =>
  values.join(choose(locale, ', ', '、'));

/** A value that follows a noun, where it is known: ` vpc-1`, or nothing. */
export const named = (value: string | undefined): string => (value === undefined ? '' : ` ${value}`);

/** A command over several lines, one option on each. */
export const command = (name: string, ...options: readonly string[]): string =>
  [name, ...options].join(' \\\n  ');

/** CIDR blocks as a Terraform set: a block that is added or removed later leaves the others' resources alone. */
export const cidrSet = (cidrs: readonly string[]): string =>
  `toset([${cidrs.map((cidr) => `"${cidr}"`).join(', ')}])`;

/** The first line of a Terraform text: which region it is meant for. */
export function providerNote(provider: string, region: string, locale: Locale): string {
  return choose(
    locale,
    `# The region of the ${provider} provider has to be ${region}.`,
    `# ${provider} provider 的区域须为 ${region}。`,
  );
}

/** A line of a Terraform text: how to make what it has made already once more, as a request that was turned down. */
export function onceMoreNote(address: string, locale: Locale): string {
  return choose(
    locale,
    `# To ask once more: terraform apply -replace=${address}`,
    `# 如需再次申请：terraform apply -replace=${address}`,
  );
}

/** What a cloud calls its command line tool, and what grants permissions there. */
export interface Authorisation {
  readonly tool: string;
  readonly system: string;
}

/** Which permissions a command line text needs, by the names that policies of the cloud use. */
export function needsPermissions(
  { tool, system }: Authorisation,
  locale: Locale,
  ...permissions: readonly string[]
): string {
  return choose(
    locale,
    `The ${tool} text needs the ${system} permission${permissions.length > 1 ? 's' : ''} ${permissions.join(' and ')}.`,
    `使用 ${tool} 需要 ${system} 权限 ${permissions.join(' 和 ')}。`,
  );
}

/** For whom a security-group rule is at all. */
export function onlyWhereReached(locale: Locale): string {
  return choose(
    locale,
    'Do this where the deployment is to reach services of yours. For your own clients to reach the deployment nothing is needed, unless you have restricted outbound traffic.',
    '仅当部署需要访问您的服务时才需执行本操作。您的客户端访问部署无需额外设置，除非您限制了出站流量。',
  );
}
