// Passkeys, a page that renews itself, and times in the reader's zone. Everything else works without this file.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer))).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");

async function post(where, body) {
  const answer = await fetch(where, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  });
  const value = await answer.json();
  if (!answer.ok) throw new Error(value.says);
  return value;
}

async function saying(doing) {
  const says = document.getElementById("says");
  says.textContent = "";
  try {
    await doing();
  } catch (error) {
    says.textContent = error.name === "NotAllowedError" ? says.dataset.unused : error.message;
  }
}

function plain(credential) {
  const response = {};
  for (const name of ["clientDataJSON", "authenticatorData", "signature", "userHandle", "attestationObject"]) {
    if (credential.response[name]) response[name] = text(credential.response[name]);
  }
  return { id: credential.id, rawId: text(credential.rawId), type: credential.type, response };
}

async function logIn() {
  const { challenge_id, options } = await post("/login/begin", {});
  const publicKey = { ...options, challenge: bytes(options.challenge), allowCredentials: [] };
  const credential = await navigator.credentials.get({ publicKey });
  const { next } = await post("/login/finish", { challenge_id, credential: plain(credential) });
  location.assign(next);
}

async function enrol(form) {
  const asked = { code: form.code.value, title: form.elements.title.value };
  const { challenge_id, options } = await post("/enrol/begin", asked);
  const user = { ...options.user, id: bytes(options.user.id) };
  const publicKey = { ...options, challenge: bytes(options.challenge), user, excludeCredentials: [] };
  const credential = await navigator.credentials.create({ publicKey });
  const made = await post("/enrol/finish", { ...asked, challenge_id, credential: plain(credential) });
  document.getElementById("digits").textContent = made.fingerprint;
  document.getElementById("request").textContent = made.request;
  document.getElementById("save").href = "data:application/json;base64," + btoa(made.request);
  document.getElementById("made").hidden = false;
  form.hidden = true;
}

function zones(root) {
  for (const time of root.querySelectorAll("time[datetime]")) {
    const at = new Date(time.dateTime);
    if (!Number.isNaN(at.getTime())) {
      time.title = time.dateTime;
      time.textContent = at.toLocaleString(undefined, { dateStyle: "medium", timeStyle: "short" });
    }
  }
}

// The overview is told when to renew itself. While somebody has something of it open or in focus it stands still.
function following() {
  const renew = () => {
    if (!document.querySelector("#live details[open], #live :focus")) htmx.trigger("#live", "renew");
  };
  const source = new EventSource("/overview/stream");
  source.addEventListener("renew", renew);
  source.addEventListener("over", () => { source.close(); location.assign("/login"); });
  setInterval(() => { if (source.readyState === EventSource.CLOSED) renew(); }, 60000);
}

if (document.getElementById("live")) following();
document.getElementById("log-in")?.addEventListener("click", () => saying(logIn));
document.getElementById("enrol")?.addEventListener("submit", (event) => {
  event.preventDefault();
  saying(() => enrol(event.target));
});
document.addEventListener("htmx:load", (event) => zones(event.detail.elt));
zones(document);
