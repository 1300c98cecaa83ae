// Shows the OpenAPI document of this node: paths, parameters, schemas, and a form to try each request with a token.
// Everything from the document or a response is set as text, never as markup.

const METHODS = ["get", "post", "put", "patch", "delete"];

/** An element with attributes and children; strings become text. */
function element(name, attributes = {}, ...children) {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) made.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) made.setAttribute(key, value === true ? "" : value);
  }
  made.append(...children.filter((child) => child !== undefined));
  return made;
}

/** What a reference stands for. */
function resolved(value, all) {
  if (!value || typeof value !== "object" || !value.$ref) return value;
  return value.$ref.slice(2).split("/").reduce((at, key) => at?.[key], all);
}

/** A schema in a line. */
function brief(schema) {
  if (schema === undefined || schema === true) return "any";
  if (schema === false) return "nothing";
  if (schema.$ref) return schema.$ref.split("/").pop();
  if (schema.const !== undefined) return JSON.stringify(schema.const);
  const some = schema.anyOf?.filter((one) => one.type !== "null");
  if (some) return some.map(brief).join(" or ");
  if (schema.enum) return schema.enum.map((value) => JSON.stringify(value)).join(" | ");
  if (schema.type === "array") {
    if (schema.prefixItems) return `[${schema.prefixItems.map(brief).join(", ")}]`;
    return `list of ${brief(schema.items)}${schema.maxItems ? `, at most ${schema.maxItems}` : ""}`;
  }
  if (schema.oneOf && !schema.properties) return schema.oneOf.map(brief).join(" or ");
  if (schema.type === "object") return `{${Object.keys(schema.properties ?? {}).join(", ")}}`;
  const most = schema.maxLength ?? schema.maximum;
  return (schema.type ?? "any") + (most === undefined ? "" : ` ≤ ${most}`);
}

function table(head, rows) {
  const line = (kind, cells) => element("tr", {}, ...cells.map((cell) => element(kind, {}, cell)));
  return element("table", {}, element("thead", {}, line("th", head)), element("tbody", {}, ...rows.map((row) => line("td", row))));
}

function code(text) {
  return element("code", {}, text);
}

/** A sentence, with what stands between backticks as code. */
function prose(text) {
  return text.split("`").map((part, at) => (at % 2 ? code(part) : part));
}

/** The fields of an object schema, structures below it. */
function fields(schema, all) {
  const whole = resolved(schema, all);
  if (whole?.oneOf && !whole.properties) {
    return element("div", {}, ...whole.oneOf.map((one) => fields(one, all)));
  }
  const required = whole?.required ?? [];
  const rows = Object.entries(whole?.properties ?? {}).map(([name, field]) => [
    code(name),
    code(brief(field)),
    required.includes(name) ? "yes" : "",
  ]);
  return rows.length ? table(["field", "form", "needed"], rows) : element("p", { class: "soft" }, brief(whole));
}

function operation(path, method, described, all) {
  const parameters = (described.parameters ?? []).map((parameter) => resolved(parameter, all));
  const body = described.requestBody?.content?.["application/json"]?.schema;
  const rows = parameters.map((parameter) => [
    code(parameter.name),
    parameter.in,
    code(brief(parameter.schema)),
    parameter.required ? "yes" : "",
  ]);
  const responses = Object.entries(described.responses).map(([status, response]) => [status, resolved(response, all)]);
  const done = responses.filter(([status]) => status < 300);
  const inside = element("div", { class: "inside" });
  const fill = () => {
    if (inside.hasChildNodes()) return;
    inside.append(
      element("p", {}, ...prose(described.description)),
      ...(rows.length ? [element("h3", {}, "Parameters"), table(["name", "where", "form", "needed"], rows)] : []),
      ...(body ? [element("h3", {}, "Body"), fields(body, all)] : []),
      element("h3", {}, `Answer ${done.map(([status]) => status).join(", ")}`),
      fields(done[0]?.[1]?.content?.["application/json"]?.schema, all),
      ...(described["x-codeSamples"] ?? []).flatMap(({ source }) => [
        element("h3", {}, "Example"),
        element("pre", { tabindex: "0" }, source),
      ]),
      attempt(path, method, parameters, body, all),
    );
  };
  return element(
    "details",
    { id: described.operationId, ontoggle: fill },
    element(
      "summary",
      {},
      element("span", { class: `method ${method}` }, method.toUpperCase()),
      element("span", { class: "path" }, path),
      element("span", { class: "says" }, ...prose(described.summary)),
    ),
    inside,
  );
}

/** A form that asks this node. */
function attempt(path, method, parameters, body, all) {
  const inputs = parameters.map((parameter) => [parameter, element("input", { id: `${method} ${path} ${parameter.name}`, spellcheck: "false" })]);
  const example = resolved(body, all)?.examples?.[0];
  const text = body && element("textarea", { id: `${method} ${path} body`, spellcheck: "false" });
  if (text) text.value = JSON.stringify(example ?? {}, null, 2);
  const status = element("p", { role: "status" });
  const answer = element("pre", { hidden: true, tabindex: "0" });
  const button = element("button", { type: "submit" }, "Ask");
  const ask = async (event) => {
    event.preventDefault();
    button.disabled = true;
    try {
      const { url, headers } = request(path, inputs);
      const options = { method: method.toUpperCase(), headers };
      if (text && text.value.trim()) {
        options.body = text.value;
        headers["content-type"] = "application/json";
      }
      const began = performance.now();
      const response = await fetch(url, options);
      const said = await response.text();
      const took = Math.round(performance.now() - began);
      status.className = response.ok ? "" : "failed";
      status.textContent = `${response.status} in ${took} ms · ${options.method} ${url}`;
      answer.hidden = false;
      answer.textContent = pretty(said);
    } catch (error) {
      status.className = "failed";
      status.textContent = `No answer: ${error.message}`;
    }
    button.disabled = false;
  };
  return element(
    "form",
    { onsubmit: ask },
    element("h3", {}, "Try it"),
    ...inputs.flatMap(([parameter, input]) => [
      element("label", { for: input.id }, `${parameter.name} (${parameter.in}${parameter.required ? ", needed" : ""})`),
      input,
    ]),
    ...(text ? [element("label", { for: text.id }, "body"), text] : []),
    button,
    status,
    answer,
  );
}

function request(path, inputs) {
  const headers = {};
  const query = new URLSearchParams();
  const token = document.getElementById("token").value.trim();
  if (token) headers.authorization = `Bearer ${token}`;
  let url = path;
  for (const [parameter, input] of inputs) {
    const value = input.value;
    if (parameter.in === "path") url = url.replace(`{${parameter.name}}`, encodeURIComponent(value));
    else if (!value) continue;
    else if (parameter.in === "header") headers[parameter.name] = value;
    else if (parameter.explode) value.split(",").forEach((item) => query.append(parameter.name, item.trim()));
    else query.append(parameter.name, value);
  }
  const said = query.toString();
  return { url: said ? `${url}?${said}` : url, headers };
}

function pretty(text) {
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}

function show(all) {
  document.getElementById("version").textContent = all.info.version;
  document.getElementById("introduction").append(...prose(all.info.description));
  const contents = document.getElementById("contents");
  const operations = document.getElementById("operations");
  operations.replaceChildren();
  for (const { name } of all.tags) {
    contents.append(element("h2", {}, name));
    operations.append(element("h2", { id: `tag-${name}` }, name));
    for (const [path, methods] of Object.entries(all.paths)) {
      for (const method of METHODS) {
        const described = methods[method];
        if (!described?.tags.includes(name)) continue;
        const open = () => (document.getElementById(described.operationId).open = true);
        contents.append(element("a", { href: `#${described.operationId}`, onclick: open }, `${method.toUpperCase()} ${path.slice(3)}`));
        operations.append(operation(path, method, described, all));
      }
    }
  }
  operations.append(element("h2", { id: "schemas" }, "schemas"));
  for (const [name, schema] of Object.entries(all.components.schemas)) {
    operations.append(
      element("details", { id: `schema-${name}` }, element("summary", {}, code(name), element("span", { class: "says" }, schema.description ?? "")),
        element("div", { class: "inside" }, fields(schema, all))),
    );
  }
  document.getElementById(location.hash.slice(1))?.setAttribute("open", "");
}

try {
  const response = await fetch("/v1/openapi.json");
  if (!response.ok) throw new Error(`status ${response.status}`);
  show(await response.json());
} catch (error) {
  document.getElementById("operations").replaceChildren(
    element("p", { class: "failed" }, `The description could not be loaded: ${error.message}. Reload to try again.`),
  );
}
