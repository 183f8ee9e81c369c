// Converts between protobuf's JSON and the objects of protobufjs, which has no JSON mapping for well-known types.
const snake = (path) => path.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);

export function fromJson(value, key) {
  if (Array.isArray(value)) return value.map((one) => fromJson(one));
  if (typeof value === 'object') return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, fromJson(one, name)]));
  if (key === 'update_mask') return { paths: value.split(',').map(snake) };
  if (/timeout$/.test(key)) return { seconds: Math.trunc(parseFloat(value)), nanos: (parseFloat(value) % 1) * 1e9 };
  return value;
}

export function toJson(value, key) {
  if (Array.isArray(value)) return value.map((one) => toJson(one));
  if (typeof value !== 'object' || value === null) return value;
  if (/(timeout|delay)$/.test(key)) return `${(value.seconds ?? 0) + (value.nanos ?? 0) / 1e9}s`;
  return Object.fromEntries(Object.entries(value).map(([name, one]) => [name, toJson(one, name)]));
}

/** Fails unless every expected value is found. "*" matches every value. */
export function subset(expected, found, path) {
  if (Array.isArray(expected)) {
    if (found?.length !== expected.length) throw new Error(`${path} is ${JSON.stringify(found)}`);
    expected.forEach((one, at) => subset(one, found[at], `${path}[${at}]`));
  } else if (typeof expected === 'object') {
    if (typeof found !== 'object') throw new Error(`${path} is ${JSON.stringify(found)}`);
    for (const [name, one] of Object.entries(expected)) subset(one, found[name], `${path}.${name}`);
  } else if (expected !== found && !(expected === '*' && found !== undefined)) {
    throw new Error(`${path} is ${JSON.stringify(found)}, not ${JSON.stringify(expected)}`);
  }
}
