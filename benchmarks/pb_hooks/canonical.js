/** A JSON value as RFC 8785 has it. */
const dump = (value) => {
  if (Array.isArray(value)) return `[${value.map(dump).join(",")}]`;
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  const members = Object.keys(value).sort();
  return `{${members.map((name) => `${JSON.stringify(name)}:${dump(value[name])}`).join(",")}}`;
};

/** A new uuid v4. */
const uuid = () => {
  const hex = $security.randomStringWithAlphabet(30, "0123456789abcdef");
  const variant = $security.randomStringWithAlphabet(1, "89ab");
  const parts = [hex.slice(0, 8), hex.slice(8, 12), `4${hex.slice(12, 15)}`, variant + hex.slice(15, 18), hex.slice(18)];
  return parts.join("-");
};

module.exports = { dump, uuid };
