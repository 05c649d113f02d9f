/** What an element can hold: text, children by name, or a list, whose members are called `item`. */
export type XmlValue =
  string | number | boolean | readonly XmlValue[] | { readonly [name: string]: XmlValue | undefined } | null;

/** Children of an element by name; undefined ones are left out, null ones are empty elements. */
export type XmlChildren = Readonly<Record<string, XmlValue | undefined>>;

/** Renders one element, with its namespace when given. */
export function xmlElement(name: string, value: XmlValue, namespace?: string): string {
  const attribute = namespace === undefined ? '' : ` xmlns="${namespace}"`;
  const inner = render(value);
  return inner === '' ? `<${name}${attribute}/>` : `<${name}${attribute}>${inner}</${name}>`;
}

function render(value: XmlValue): string {
  if (value === null) return '';
  if (typeof value === 'string') return escape(value);
  if (typeof value === 'number' || typeof value === 'boolean') return String(value);
  let text = '';
  if (isList(value)) {
    for (const item of value) text += xmlElement('item', item);
    return text;
  }
  for (const [name, child] of Object.entries(value)) {
    if (child !== undefined) text += xmlElement(name, child);
  }
  return text;
}

function isList(value: XmlValue): value is readonly XmlValue[] {
  return Array.isArray(value);
}

function escape(text: string): string {
  if (!/[&<>"]/.test(text)) return text;
  return text
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
