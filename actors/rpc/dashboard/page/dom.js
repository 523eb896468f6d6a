// Makes elements. Whatever is shown becomes text, never markup.

const SVG = "http://www.w3.org/2000/svg";

export function element(name, { text, kind, attributes = {} } = {}, ...children) {
  const made = document.createElement(name);
  if (kind) made.className = kind;
  if (text !== undefined) made.textContent = text;
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
}

export function shape(name, attributes = {}, title) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (title !== undefined) {
    const hint = document.createElementNS(SVG, "title");
    hint.textContent = title;
    made.append(hint);
  }
  return made;
}

export const byId = (id) => document.getElementById(id);

export function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}

// The text of an element as a link; without an address, as text.
export function setLink(node, text, address) {
  const link = node.firstElementChild;
  if (!address) {
    link?.remove();
    setText(node, text);
  } else if (link?.getAttribute("href") === address) setText(link, text);
  else node.replaceChildren(element("a", { text, attributes: { href: address } }));
}
