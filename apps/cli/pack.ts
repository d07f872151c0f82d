import type { EvidencePack } from '#application/history/evidence';

export const packReadme = ({ proof, events, decisions }: EvidencePack, withPersonal: boolean): string => `# Evidence

Account \`${proof.account}\`, customer \`${proof.customer}\`: ${events.length} events, ${decisions.length} decisions. ${
  withPersonal ? 'Addresses, names and texts are included.' : 'Addresses, names and texts are left out.'
}

Check it with Node 20 or newer and nothing else:

\`\`\`sh
node verify.mjs
\`\`\`

| file             | holds                                                                                              |
| ---------------- | -------------------------------------------------------------------------------------------------- |
| \`events.jsonl\`   | the customer's events, and those of the account and the templates that the decisions stood on      |
| \`decisions.json\` | each decision with its rules, what they looked at, the facts relied on, and whether it follows from them |
| \`anchors.jsonl\`  | where the account's hash chain stood, and when                                                     |
| \`proof.json\`     | the digests of all entries between the anchors concerned, and the places of this pack's events     |

An entry's digest is SHA-256 over the canonical JSON (RFC 8785) of \`{stream, revision, id, type, data}\`, \`data\` without
\`personal\`. A link is SHA-256 over the link before it and the digest, both in hex; the first follows the genesis in
\`proof.json\`. An anchor names a link; its \`hash\` covers the anchor and the anchor before it.

What this proves: the events are those that stood in the log when the anchors were made. Compare \`anchors.jsonl\` with a
copy of the anchors that the account's owner could not change; without that, it only proves that the pack is consistent.
`;

/** A program of its own: it must run where Tidegate is not. */
export const packVerifier = String.raw`// Checks an evidence pack: node verify.mjs [folder with a trusted copy of anchors.jsonl]
import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const here = dirname(fileURLToPath(import.meta.url));
const read = (name, folder = here) => readFileSync(join(folder, name), 'utf8');
const lines = (name, folder) => read(name, folder).split('\n').filter(Boolean).map((line) => JSON.parse(line));
const sha256 = (text) => createHash('sha256').update(text).digest('hex');

// RFC 8785: fields in the order of their UTF-16 code units, no blanks.
const canonical = (value) => {
  if (Array.isArray(value)) return '[' + value.map((entry) => canonical(entry ?? null)).join(',') + ']';
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const fields = Object.keys(value).sort().filter((field) => value[field] !== undefined);
  return '{' + fields.map((field) => JSON.stringify(field) + ':' + canonical(value[field])).join(',') + '}';
};
const without = (value, field) => ({ ...value, [field]: undefined });

const problems = [];
const check = (holds, what) => void (holds || problems.push(what));

const proof = JSON.parse(read('proof.json'));
const anchors = lines('anchors.jsonl');
const events = lines('events.jsonl');

check(proof.genesis === sha256('tidegate ledger of ' + proof.account), 'the genesis is not that of ' + proof.account);
let previous = proof.genesis;
anchors.forEach((anchor, index) => {
  const follows = anchor.account === proof.account && anchor.number === index + 1 && anchor.previous === previous;
  check(follows && sha256(canonical(without(anchor, 'hash'))) === anchor.hash, 'anchor ' + (index + 1) + ' was changed');
  previous = anchor.hash;
});
if (process.argv[2] !== undefined) {
  const trusted = lines('anchors.jsonl', process.argv[2]);
  trusted.forEach((anchor, index) =>
    check(anchors[index]?.hash === anchor.hash, 'anchor ' + anchor.number + ' is not the trusted one'),
  );
}

let unanchored = 0;
proof.segments.forEach((segment, index) => {
  const name = segment.anchor === undefined ? 'what is not anchored yet' : 'the segment of anchor ' + segment.anchor;
  const end = segment.digests.reduce((link, digest) => sha256(link + digest), segment.start);
  check(end === segment.end, name + ' does not end where it should');
  if (segment.anchor === undefined) unanchored = index + 1;
  const before = segment.anchor === undefined ? anchors.length : segment.anchor - 1;
  check(segment.start === (before === 0 ? proof.genesis : anchors[before - 1]?.head), name + ' does not begin at an anchor');
  if (segment.anchor !== undefined) check(anchors[segment.anchor - 1]?.head === end, name + ' does not end at its anchor');
});

const key = ({ stream, revision, id }) => stream + '@' + revision + ' ' + id;
const places = new Map(proof.inclusions.map((inclusion) => [key(inclusion), inclusion]));
let proven = 0;
for (const { stream, revision, id, type, data, inLedger } of events) {
  if (!inLedger) continue;
  const digest = sha256(canonical({ stream, revision, id, type, data: without(data, 'personal') }));
  const place = places.get(key({ stream, revision, id }));
  const segment = place === undefined ? undefined : proof.segments[place.segment];
  check(segment?.digests[place.place] === digest, key({ stream, revision, id }) + ' is not what the ledger has');
  places.delete(key({ stream, revision, id }));
  if (segment?.anchor !== undefined) proven += 1;
}
for (const missing of places.keys()) check(false, missing + ' is in the ledger and not in the pack');

const last = new Map();
for (const { stream, revision } of events) {
  check(revision === (last.get(stream) ?? -1) + 1, stream + ' has a gap before revision ' + revision);
  last.set(stream, revision);
}

for (const problem of problems) console.error('NOT VALID: ' + problem);
if (problems.length === 0) {
  console.log('Valid: ' + events.length + ' events, ' + proven + ' proven by ' + anchors.length + ' anchors' +
    (unanchored > 0 ? '; some entries were not anchored when the pack was made' : '') + '.');
}
process.exit(problems.length === 0 ? 0 : 3);
`;
