// The address of a view: its name and all its state, so that it can be kept, sent and come back to.

/** The view and its state that the address names. */
export function read() {
  const [view, query = ""] = location.hash.slice(1).split("?");
  const state = {};
  for (const [key, value] of new URLSearchParams(query)) {
    try {
      state[key] = JSON.parse(value);
    } catch {
      state[key] = value;
    }
  }
  return { view, state };
}

/** The address of a view in a state; what is undefined or empty is left out. */
export function address(view, state) {
  const query = new URLSearchParams();
  for (const [key, value] of Object.entries(state)) {
    if (value === undefined || value === null || value === "" || (Array.isArray(value) && !value.length)) continue;
    query.set(key, plain(value) ? value : JSON.stringify(value));
  }
  return `#${view}${query.size ? `?${query}` : ""}`;
}

/** Whether a text can stand as it is: it would not be read back as something else. */
function plain(value) {
  if (typeof value !== "string") return false;
  try {
    JSON.parse(value);
    return false;
  } catch {
    return true;
  }
}

/** Write the address without leaving a step in the browser's history. */
export const write = (view, state) => history.replaceState(null, "", address(view, state));
