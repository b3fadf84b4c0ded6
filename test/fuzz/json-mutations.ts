import fc from 'fast-check';

/**
 * JSON as a tree that can say what no JavaScript value can: a key twice, numbers and tokens that are not JSON, and nesting
 * deeper than a stack.
 */
type Node =
  | { readonly kind: 'object'; readonly entries: readonly (readonly [key: string, value: Node])[] }
  | { readonly kind: 'list'; readonly items: readonly Node[] }
  | { readonly kind: 'text'; readonly text: string };

/** Which child to take on every level; a path that is longer than the tree is deep ends at a leaf. */
type Path = readonly number[];

type JsonMutation =
  | { readonly kind: 'replace'; readonly path: Path; readonly text: string }
  | { readonly kind: 'remove'; readonly path: Path }
  | { readonly kind: 'repeat'; readonly path: Path }
  | { readonly kind: 'rename'; readonly path: Path; readonly key: string }
  | { readonly kind: 'move'; readonly path: Path; readonly to: Path };

const DEPTH = 20_000;
const HOSTILE_NUMBERS =
  '0 -0 -1 1 2 3 7 8 64 1.5 0.1 1e-320 1e300 -1e300 1e999 16777216 2147483648 4294967296 9007199254740991 9007199254740993';
const HOSTILE_VALUES: readonly string[] = [
  ...HOSTILE_NUMBERS.split(' '),
  ...['null', 'true', 'false', '""', '"x"', '"1"', '[]', '{}', '[[]]', '[null]', '[0,1]', '["a","b"]'],
  ...['NaN', 'Infinity', '-', '01', "'x'", '"\\u0000"', '"\\ud800"', '"\\u2581"', '"__proto__"', '"constructor"'],
  // Objects that cannot be turned into a string or a number.
  ...['{"toString":1,"valueOf":1}', '[{"toString":1}]', '{"__proto__":1}', '{"type":{"toString":0}}', '{"length":4e9}'],
  `"${'a'.repeat(5000)}"`,
  '['.repeat(DEPTH) + ']'.repeat(DEPTH),
  `${'{"a":'.repeat(DEPTH)}1${'}'.repeat(DEPTH)}`,
  `[${'0,'.repeat(5000)}0]`,
];
const HOSTILE_KEYS = ['', '__proto__', 'constructor', 'toString', 'length', 'type', 'a', '0', '\u0000', '\ud800'];

const path = fc.array(fc.nat(2 ** 20), { minLength: 1, maxLength: 6 });

/** A JSON text of `valid` with a few changes; `values` and `keys` are hostile ones of the format at hand. */
export function mutatedJson(
  valid: unknown,
  { values = [], keys = [] }: { readonly values?: readonly string[]; readonly keys?: readonly string[] } = {},
): fc.Arbitrary<Buffer> {
  const tree = treeOf(valid);
  const value = fc.constantFrom(...HOSTILE_VALUES, ...values, ...values);
  const mutation: fc.Arbitrary<JsonMutation> = fc.oneof(
    { weight: 5, arbitrary: fc.record({ kind: fc.constant('replace' as const), path, text: value }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('remove' as const), path }) },
    fc.record({ kind: fc.constant('repeat' as const), path }),
    fc.record({ kind: fc.constant('rename' as const), path, key: fc.constantFrom(...HOSTILE_KEYS, ...keys) }),
    fc.record({ kind: fc.constant('move' as const), path, to: path }),
  );
  return fc
    .array(mutation, { minLength: 1, maxLength: 4 })
    .map((changes) => Buffer.from(print(changes.reduce(apply, tree))));
}

function treeOf(value: unknown): Node {
  if (Array.isArray(value)) return { kind: 'list', items: value.map(treeOf) };
  if (typeof value !== 'object' || value === null) return { kind: 'text', text: JSON.stringify(value) };
  return { kind: 'object', entries: Object.entries(value).map(([key, child]) => [key, treeOf(child)] as const) };
}

function print(node: Node): string {
  if (node.kind === 'text') return node.text;
  if (node.kind === 'list') return `[${node.items.map(print).join(',')}]`;
  return `{${node.entries.map(([key, value]) => `${JSON.stringify(key)}:${print(value)}`).join(',')}}`;
}

function apply(tree: Node, change: JsonMutation): Node {
  switch (change.kind) {
    case 'replace':
      return edit(tree, change.path, (child) => [{ ...child, value: { kind: 'text', text: change.text } }]);
    case 'remove':
      return edit(tree, change.path, () => []);
    case 'repeat':
      return edit(tree, change.path, (child) => [child, child]);
    case 'rename':
      return edit(tree, change.path, ({ value }) => [{ key: change.key, value }]);
    case 'move':
      return edit(tree, change.path, ({ key }) => [{ key, value: find(tree, change.to) }]);
  }
}

interface Child {
  readonly key: string;
  readonly value: Node;
}

function childrenOf(node: Node): readonly Child[] {
  if (node.kind === 'object') return node.entries.map(([key, value]) => ({ key, value }));
  return node.kind === 'list' ? node.items.map((value) => ({ key: 'item', value })) : [];
}

/** The tree with the child at the end of `path` replaced by what `change` makes of it. */
function edit(node: Node, [step = 0, ...rest]: Path, change: (child: Child) => readonly Child[]): Node {
  const children = childrenOf(node);
  if (children.length === 0) return node;
  const chosen = step % children.length;
  const edited = children.flatMap((child, i) => {
    if (i !== chosen) return [child];
    const isLast = rest.length === 0 || childrenOf(child.value).length === 0;
    return isLast ? change(child) : [{ ...child, value: edit(child.value, rest, change) }];
  });
  return node.kind === 'object'
    ? { kind: 'object', entries: edited.map(({ key, value }) => [key, value] as const) }
    : { kind: 'list', items: edited.map(({ value }) => value) };
}

function find(node: Node, [step = 0, ...rest]: Path): Node {
  const children = childrenOf(node);
  const child = children[step % Math.max(1, children.length)];
  return child === undefined ? node : rest.length === 0 ? child.value : find(child.value, rest);
}
