import type { Lab, Person } from './client.ts';
import type { GitHubPerson } from './github-stub.ts';

/** Who a person of ours is at GitHub: always the same, and nobody else. */
function atGitHub(person: Person): GitHubPerson {
  return { id: Number.parseInt(person.id.replaceAll('-', '').slice(-12), 16), login: person.username.slice(0, 20) };
}

interface Answer {
  code: string;
  state: string;
}

function approve(lab: Lab, person: Person, begun: { auth_url: string; state: string }): Answer {
  return { code: lab.app.github.approve(begun.auth_url, atGitHub(person)), state: begun.state };
}

/** What GitHub sends back when the person links their account there. */
export async function linkAnswer(lab: Lab, person: Person): Promise<Answer> {
  return approve(lab, person, (await person.post('/api/v1/auth/github/link', {})).json());
}

export async function linkGitHub(lab: Lab, person: Person): Promise<void> {
  await person.post('/api/v1/auth/github/link', await linkAnswer(lab, person));
}

/** What GitHub sends back when the person signs in with it. */
export async function signInAnswer(lab: Lab, person: Person): Promise<Answer> {
  return approve(lab, person, (await lab.anyone('GET', '/api/v1/auth/github/login')).json());
}
