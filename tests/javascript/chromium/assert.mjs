// What the scripts need of Node's assertions.

const text = (value) =>
  JSON.stringify(value, (_, each) =>
    each && typeof each === "object" && !Array.isArray(each) ? Object.fromEntries(Object.entries(each).sort()) : each,
  );

const assert = {
  ok(value, message = `${value}`) {
    if (!value) throw new Error(message);
  },
  equal: (one, other) => assert.ok(Object.is(one, other), `${one} is not ${other}`),
  notEqual: (one, other) => assert.ok(!Object.is(one, other), `${one}`),
  deepEqual: (one, other) => assert.ok(text(one) === text(other), `${text(one)} is not ${text(other)}`),
  match: (given, pattern) => assert.ok(pattern.test(given), `${given} does not match ${pattern}`),
  fail: (value) => assert.ok(false, `${text(value)} came, instead of an error`),
};

export default assert;
