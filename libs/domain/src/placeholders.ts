/** What a person replaces in the texts of an instruction, because only they know it. */
import type { NextAction } from './cloud-profile.js';
import type { Locale } from './reason.js';

/**
 * Every placeholder that the texts of instructions may hold, with what belongs in its place. They are written
 * `<like-this>`, in commands outside of quotes: a shell takes an unreplaced one for a file that is not there, and does
 * not run the command.
 */
export const PLACEHOLDERS = {
  '<your-vpc-id>': { en: 'the ID of your VPC', zh: '您的 VPC 的 ID' },
  '<your-net-id>': { en: 'the ID of your Net', zh: '您的 Net 的 ID' },
  '<your-ccn-id>': { en: 'the ID of your CCN', zh: '您的云联网的 ID' },
  '<your-route-table-id>': {
    en: 'the ID of a route table of yours (once for each table)',
    zh: '您的路由表的 ID（如有多个，请逐一执行）',
  },
  '<your-security-group-id>': {
    en: 'the ID of a security group of yours (once for each group)',
    zh: '您的安全组的 ID（如有多个，请逐一执行）',
  },
  '<port>': { en: 'the port that the deployment is to reach', zh: '部署需要访问的端口' },
} as const satisfies Readonly<Record<string, Readonly<Record<Locale, string>>>>;

export type Placeholder = keyof typeof PLACEHOLDERS;

/** The placeholders in a text, each once, in the order in which they come. */
export function placeholdersIn(text: string): string[] {
  return [...new Set(text.match(/<[a-z][a-z0-9-]*>/g) ?? [])];
}

/** The same action with a last step that says what to put in place of what its texts leave open. */
export function withPlaceholdersExplained(action: NextAction, locale: Locale): NextAction {
  const { cli = '', terraform = '' } = action.artifacts;
  const meanings = placeholdersIn(`${cli}\n${terraform}`)
    .filter((placeholder): placeholder is Placeholder => Object.hasOwn(PLACEHOLDERS, placeholder))
    .map((placeholder) => `${placeholder}: ${PLACEHOLDERS[placeholder][locale]}`);
  if (meanings.length === 0) return action;
  const step =
    locale === 'zh'
      ? `使用命令行或 Terraform 文本前，请替换以下占位符：${meanings.join('；')}。`
      : `Before you run the CLI or Terraform text, replace what it leaves open: ${meanings.join('; ')}.`;
  return { ...action, steps: [...action.steps, step] };
}
