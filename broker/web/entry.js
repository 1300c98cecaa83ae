// Who comes in: a guest with a name, or somebody who brings a token.

import { byId } from "./dom.js";

const BIRDS = ["Jackdaw", "Magpie", "Wren", "Heron", "Kestrel", "Plover", "Swift", "Curlew", "Nuthatch", "Linnet", "Dunlin", "Siskin"];
const KEPT = "rookery-demo";

/**
 * @typedef {object} Visitor
 * @property {string | (() => Promise<string>)} token one that was brought, or a way to get another
 */

/** A token for a guest of this name. @param {string} name */
async function guest(name) {
  const answer = await fetch("/demo/guest", {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify({ name }),
  });
  const told = await answer.json();
  if (!answer.ok) throw new Error(told.message ?? `status ${answer.status}`);
  return /** @type {string} */ (told.token);
}

/**
 * Asks who comes in, or remembers: this window's name is kept while it is open.
 * @param {{ isOn: boolean }} network
 * @returns {Promise<Visitor>}
 */
export async function enter(network) {
  const form = /** @type {HTMLFormElement} */ (byId("entry-form"));
  const [name, token] = [/** @type {any} */ (byId("name")), /** @type {any} */ (byId("token"))];
  const problem = byId("entry-problem");
  const { guests } = await (await fetch("/demo/guest")).json();
  byId("entry-name").hidden = name.disabled = !guests;
  byId("entry-token").hidden = guests;
  name.required = guests;
  token.required = !guests;

  /** @param {string} known */
  const visitor = (known) => {
    if (!guests) return { token: known };
    const token = async () => {
      if (!network.isOn) throw new Error("the network is cut");
      return guest(known);
    };
    return { token };
  };
  const kept = sessionStorage.getItem(KEPT);
  if (kept && guests) return visitor(kept);

  byId("entry").hidden = false;
  name.value = BIRDS[Math.floor(Math.random() * BIRDS.length)];
  const field = guests ? name : token;
  field.focus();
  field.select();
  return new Promise((resolve) => {
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      const value = field.value.trim();
      try {
        if (guests) {
          await guest(value);
          sessionStorage.setItem(KEPT, value);
        }
        byId("entry").hidden = true;
        resolve(visitor(value));
      } catch (error) {
        problem.textContent = /** @type {Error} */ (error).message;
        problem.hidden = false;
        field.focus();
      }
    });
  });
}
