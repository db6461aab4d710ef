/** A typical piece of work: five criteria, and an answer of about 600 words that meets them unevenly. */

const levels = ['missing', 'weak', 'fair', 'good'];
const topics = [
  { text: 'Names what goes in and what comes out: light, water, carbon dioxide, sugar and oxygen', marks: 6 },
  { text: 'Explains the role of chlorophyll and why leaves look green', marks: 6 },
  { text: 'Describes the light reactions in the thylakoid membranes', marks: 8 },
  { text: 'Describes how the Calvin cycle turns carbon dioxide into sugar', marks: 8 },
  { text: 'Discusses what limits the rate, with an example', marks: 4 },
];

export const rubric = {
  criteria: topics,
  performance_levels: levels.map((text) => ({ text })),
  cell_descriptions: topics.map(({ text }) => levels.map((level) => `${level}: ${text.toLowerCase()}`)),
};

export const entry = {
  entry_title: 'Photosynthesis',
  instructions:
    '<p>Explain in about 600 words how plants make sugar from light. Use the terms of the unit and give <b>one example</b> from an experiment.</p>',
  rubric_definition: rubric,
};

const paragraphs = [
  'Photosynthesis is the process by which plants, algae and some bacteria store the energy of light in sugar. What goes in is light, water and carbon dioxide; what comes out is sugar and oxygen. The water is taken up by the roots and carried to the leaves in the xylem, the carbon dioxide enters through the stomata, and the oxygen leaves by the same openings. All of this happens in the chloroplasts, of which a single cell of a leaf may hold several dozen.',
  'Chlorophyll absorbs mainly red and blue light, and because it reflects most of the green light, leaves look green to us. The pigment does not work alone. It sits in large complexes of proteins that collect light like an antenna and pass the energy on to a reaction centre, where an electron is lifted to a higher level. Other pigments, for example the carotenoids, collect light of other colours and protect the leaf when there is more light than it can use. In autumn the chlorophyll is taken apart first, which is why we then see the yellow and orange pigments.',
  'The light reactions take place in the thylakoid membranes, which are folded into stacks inside the chloroplast. Two photosystems work one after the other. In the first step the energy of light splits water into protons, electrons and oxygen. The electrons travel along a chain of carriers, and on their way protons are pumped into the space inside the thylakoid. These protons flow back through an enzyme that makes ATP, much as water drives a mill. At the end of the chain the electrons are used to turn NADP into NADPH. So the light reactions leave two things behind that the next stage needs: ATP as a source of energy and NADPH as a source of electrons.',
  'In the Calvin cycle the enzyme rubisco joins carbon dioxide to a sugar with five carbon atoms. The product falls apart at once into two molecules with three carbon atoms each, and these are turned into a simple sugar with the help of ATP and NADPH. Most of that sugar is used to make the acceptor again, so that the cycle can go on; one molecule in six leaves the cycle and becomes glucose, starch or cellulose. No light is needed for this stage itself, but without the products of the light reactions it soon comes to a stop, therefore it is misleading to call it the dark reaction.',
  'How fast a plant makes sugar depends on whatever is scarce at the moment. When we put a piece of pondweed under a lamp and counted the bubbles, the number rose as the lamp came closer, and then it stayed the same, because carbon dioxide had become the limiting factor. When we added a little baking soda to the water, it rose again. Temperature matters too, since the enzymes of the cycle work faster when it is warm and lose their shape when it is hot.',
  'In my opinion the most remarkable thing is how few losses there are in the first steps and how many in the last. Almost every photon that is absorbed moves an electron, yet only one or two per cent of the energy of sunlight ends up in the harvest of a field. Some of the light is reflected or falls between the leaves, rubisco sometimes picks up oxygen instead of carbon dioxide, and the plant has to live on part of its own sugar at night. Farmers who raise the level of carbon dioxide in a greenhouse make use of exactly this, and so do those who try to breed plants with a better enzyme. What the plant cannot do is to store light itself, and so every evening the whole process rests until the sun comes back.',
];

export const answerHtml = paragraphs.map((text) => `<p>${text}</p>`).join('');

/** What a model that read the answer would say; every quotation occurs in it. */
export const verdict = {
  criteria: [
    ['Names all five.', 5.5, 3, 'What goes in is light, water and carbon dioxide; what comes out is sugar and oxygen.'],
    ['Says what chlorophyll does.', 5, 3, 'because it reflects most of the green light, leaves look green to us'],
    ['Both photosystems in order.', 7, 3, 'The light reactions take place in the thylakoid membranes'],
    ['The cycle with its enzyme.', 6.5, 3, 'the enzyme rubisco joins carbon dioxide to a sugar with five carbon atoms'],
    ['One experiment, well read.', 3, 2, 'because carbon dioxide had become the limiting factor'],
  ].map(([reason, points, level, quote], criterion) => ({ criterion, level, points, reason, quotes: [quote] })),
  feedback: '<p>A clear and complete account. Say more about <b>temperature</b>.</p>',
  confidence: 0.86,
};
