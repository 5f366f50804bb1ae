// What Streamlit leaves to be done: the page's language where it is changed, and words of Streamlit's own in that language.
"use strict";

const words = Object.entries(JSON.parse(document.querySelector("meta[name=familiebaner-words]").content)); // English, translated

function mend() {
  const said = document.querySelector("[data-lang]");
  if (!said) return;
  const lang = said.dataset.lang;
  if (document.documentElement.lang !== lang) document.documentElement.lang = lang;
  for (const zone of document.querySelectorAll("section[role=presentation][aria-label]")) zone.setAttribute("role", "group");
  if (lang !== "nb") return;
  for (const [english, norwegian] of words) {
    for (const part of document.querySelectorAll(`[aria-label^="${english}"], [title^="${english}"]`)) {
      for (const name of ["aria-label", "title"]) {
        const text = part.getAttribute(name);
        if (text?.startsWith(english)) part.setAttribute(name, norwegian + text.slice(english.length));
      }
    }
  }
}

new MutationObserver(mend).observe(document, { childList: true, subtree: true, attributeFilter: ["aria-label", "title"] });
