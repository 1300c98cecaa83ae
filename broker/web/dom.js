// Elements, made in one line. Text is always text: nothing that anybody wrote becomes markup.

/** @param {string} id */
export const byId = (id) => /** @type {HTMLElement} */ (document.getElementById(id));

/**
 * @param {string} tag
 * @param {Record<string, any>} [set] properties; `class`, `aria-…` and `data-…` as attributes
 * @param {...(Node | string | undefined | false)} children
 */
export function element(tag, set = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(set)) {
    if (name in made && !name.includes("-")) made[name] = value;
    else made.setAttribute(name, value);
  }
  made.append(...children.filter((child) => child || child === ""));
  return made;
}

const SVG = "http://www.w3.org/2000/svg";

/** How far one's own message has come, as a small picture. */
const SHAPES = {
  waiting: "M9 2.2a4.800 4.800 0 1 0 0 9.600a4.800 4.800 0 1 0 0-9.600M9 4.600V7l1.700 1",
  sent: "M4.500 7.500l3 3 6-7",
  placed: "M1.500 7.500l3 3 6-7M8.600 10.400l6-7",
  durable: "M9 1.200a5.800 5.800 0 1 0 0 11.600a5.800 5.800 0 1 0 0-11.600M6.300 7.200l2 2 3.600-4.200",
  failed: "M9 2.200a4.800 4.800 0 1 0 0 9.600a4.800 4.800 0 1 0 0-9.600M9 4.600v3M9 9.600v.1",
};

/** @param {keyof SHAPES} name */
export function mark(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("viewBox", "0 0 18 14");
  svg.setAttribute("class", "mark");
  svg.setAttribute("data-mark", name);
  svg.setAttribute("aria-hidden", "true");
  const path = document.createElementNS(SVG, "path");
  path.setAttribute("d", SHAPES[name]);
  svg.append(path);
  return svg;
}

/** The same colour for the same name, everywhere. @param {string} name */
export function face(name) {
  let sum = 7;
  for (const letter of name) sum = (sum * 31 + (letter.codePointAt(0) ?? 0)) % 9973;
  const initials = [...name.trim()].slice(0, 1).join("").toUpperCase();
  return element("span", { class: `face h${sum % 8}`, "aria-hidden": "true" }, initials);
}

/** @param {number} count @param {string} one @param {string} many */
export const counted = (count, one, many = `${one}s`) => `${count.toLocaleString("en")} ${count === 1 ? one : many}`;

/** @param {number} ms */
export const span = (ms) => (ms < 10 ? `${ms.toFixed(1)} ms` : `${Math.round(ms).toLocaleString("en")} ms`);
