/**
 * What people write to a grader instead of an answer, by language. Terms are compared folded (case, accents and forms
 * of letters do not matter). A term ends at the end of a word unless it ends in `*`; Chinese, Japanese, Korean and
 * other scripts without spaces between words are found anywhere.
 *
 * Two lists make a pair: a term of each within one sentence. Pairing finds "ignore the rubric" and "die Rubrik bitte
 * ignorieren" alike, in linear time, without a pattern for each sentence that could be written.
 */

/** Verbs with which somebody asks to set rules aside: the forms of an order, as others only tell that it happened. */
const ignoreVerbs = `
ignore|ignoring|disregard|forget|override|bypass|overlook|do not follow|don't follow|pay no attention to|stop following
ignora|ignoren|olvida|olvide|haz caso omiso|haga caso omiso|desestima|ignorez|oublie|oubliez|ne tiens pas compte
ne tenez pas compte|ignoriere|ignorieren|vergiss|vergessen sie|missachte|missachten sie|beachte nicht|uberspringe
ignorate|ignori|dimentica|dimenticate|trascura|ignorar|esqueca|esquece|desconsidere|desconsidera
negeer|vergeet|sla over|ignorera|glom|ignorer|glem|zignoruj*|ignoruj*|pomin|zapomnij
игнорируй*|проигнорируй*|игнорировать|забудь*|не обращай внимания|не учитывай*
ігноруй*|проігноруй*|не зважай*|yok say|gormezden gel|dikkate alma|unut|bo qua|abaikan
تجاهل|تجاهلي|تجاهلوا|انس|התעלם|התעלמו|अनदेखा|नज़रअंदाज़|नजरअंदाज|भूल जाओ|भूल जाएं
忽略|无视|無視|忽视|忽視|不要理会|不要理會|忘记|忘記|忘れて|무시하|잊어
`;

/** What only a grader has: naming it next to such a verb is enough. */
const graderRules = `
rubric|rubrics|grading|marking scheme|mark scheme|marking criteria|assessment criteria|evaluation criteria|scoring
scoring guide|system message|system prompt|your prompt|grading prompt|rubrica|criterios de evaluacion|bareme
grille d'evaluation|grille de notation|criteres d'evaluation|bewertung*|rubrik|rubrike*|notenschlussel|griglia di valutazione
criteri di valutazione|criterios de avaliacao|rubriek|beoordelings*|bedomnings*|vurderings*|rubryk*|kryteria oceny
рубрик*|критерии оцен*|критерії оцін*|degerlendirme*|معايير التقييم|רובריקה|रूब्रिक*
评分|評分|提示词|採点|評価基準|ルーブリック|채점|루브릭|평가 기준
`;

/** Words that others use too: they count when the sentence is an order, or names the previous, all or your rules. */
const commonRules = `
instruction|instructions|prompt|prompts|criteria|guideline|guidelines|directions|directives|instrucciones|criterios|indicaciones
consignes|criteres|anweisung|anweisungen|kriterien|vorgaben|istruzioni|criteri|instrucoes|instructies|criteria|instruktion*
instrukc*|kryteri*|polecen*|инструкци*|критери*|указани*|інструкці*|критері*|вказівк*|talimat*|yonerge*|huong dan|tieu chi
instruksi|التعليمات|تعليمات|المعايير|معايير|ההוראות|הוראות|निर्देश*|मानदंड*|指示|指令|命令|지시|지침
`;

/** What makes an order of a sentence about common rules: they are the grader's own. */
const ownership = `
previous|prior|above|earlier|preceding|your|all|any|anteriores|previas|todas|precedentes|precedenti|vorherigen|bisherigen|obigen
alle|vorige|poprzednie|предыдущ*|попередн*|onceki|السابقة|पिछले|之前|以上|先前|これまで|이전
`;

/** Verbs with which somebody asks for marks, before them. The bare forms only: "they gave full marks" tells of others. */
const awardVerbs = `
give|award|assign|grant|mark|rate|score|grade|return|output|deserves|merits|earns|must receive|should receive|must get
should get|dame|otorga|otorgue|asigna|asigne|concede|conceda|pon|ponme|ponga|dale|donne|donnez|accorde|accordez|attribue
attribuez|mets|mettez|gib|geben sie|vergib|vergebe|vergeben sie|bewerte|bewerten sie|dai|dammi|assegna|assegnate|metti
atribua|atribui|geef|ken toe|ge|gi|przyznaj*|daj|wystaw|udziel|поставь*|дай*|присвой*|выстави*|постав|надай*
cho|berikan|امنح|امنحني|اعط|أعط|أعطني|ضع|תן|תני|תנו|给|給|打|授予
`;

/** Such verbs where they come after the marks: in languages that end with the verb. */
const finalAwardVerbs = `
vergeben|erteilen|geven|toekennen|ver|verin|veriniz|verilsin|दें|दो|दीजिए|与え|つけて|付けて|ください|下さい|주세요|줘|부여|주십시오
`;

/** The marks that are asked for. */
const fullMarks = `
full mark|full marks|full points|full score|full credit for this|full credit to this|maximum mark|maximum marks|maximum points
maximum score|maximum grade|max marks|max points|max score|top marks|top score|top grade|highest mark|highest marks
highest score|highest grade|perfect score|perfect grade|10/10|100/100|20/20|10 out of 10|100 out of 100|ten out of ten
all the marks|maxima puntuacion|puntuacion maxima|nota maxima|todos los puntos|maxima calificacion|calificacion maxima
maxima nota|note maximale|tous les points|maximum de points|meilleure note|totalite des points|note la plus elevee
volle punkt*|vollen punkt*|maximale punkt*|hochste punkt*|hochstpunkt*|bestnote|alle punkte|maximalpunkt*
punteggio massimo|voto massimo|massimo punteggio|massimo dei voti|tutti i punti|punteggio pieno|pontuacao maxima
pontuacao total|todos os pontos|volle punten|maximale punten|maximale score|hoogste cijfer|alle punten
maksymaln*|wszystkie punkty|pelna liczbe punktow|najwyzsz*|full poang|hogsta betyg*|maximal poang|alla poang
максимальн*|высший балл|высшую оценку|полный балл|все баллы|наивысш*|найвищ*|tam puan*|tam not*|en yuksek puan*
en yuksek not*|diem toi da|nilai penuh|nilai maksimal|الدرجة الكاملة|الدرجات الكاملة|العلامة الكاملة|أعلى درجة|ציון מלא
הניקוד המלא|पूरे अंक|पूर्ण अंक|अधिकतम अंक|满分|滿分|最高分|全部分数|満点|最高点|만점|최고 점수
`;

/** Who claims to speak, and what is claimed: "as your teacher I confirm". */
const authorities = `
as the teacher|as your teacher|as a teacher|i am the teacher|i am your teacher|as the instructor|as the examiner
i am the examiner|i am the instructor|as the professor|i am the professor|as an administrator|as the administrator|your developer
the developer of this|the head examiner|the course team|como profesor*|soy el profesor|soy la profesora|en tant que professeur*
en tant qu'enseignant*|je suis le professeur|als lehrer*|als lehrkraft|ich bin der lehrer|ich bin die lehrerin
come insegnante|come docente|como professor*|sou o professor|als docent|jako nauczyciel*|jestem nauczycielem
как учитель|как преподаватель|я учитель|як учитель|ogretmen olarak|بصفتي|作为老师|作為老師|我是老师|我是老師|教師として|교사로서
`;

const authorityClaims = `
i confirm|i hereby|i approve|i authorise|i authorize|i certify|i have verified|already graded|already marked|instruct you
order you|has confirmed|have confirmed|has approved|confirmo|apruebo|autorizo|je confirme|j'autorise|je certifie|bestatige
genehmige|confermo|bevestig|potwierdzam|подтверждаю|підтверджую|onayliyorum|أؤكد|اؤكد|确认|確認|承認|확인
`;

/** Sayings that are enough by themselves. */
const addressPhrases = `
dear ai|dear grader|dear llm|dear chatgpt|dear claude|dear language model|hey chatgpt|hey claude|hey gemini|hey ai
note to the grader|note to grader|note to the ai|note to ai|note to the model|note to the marker|message to the grader
message to the ai|instructions to the grader|instructions for the grader|instruction for the grader|instructions for the ai
attention ai|attention grader|to the ai grader|to the automatic grader|to the automated grader|to the llm
if you are an ai|if you are a language model|if you are a large language model|if you are an llm|as an ai grader
you are an ai grader|you are a grading ai|you are now a helpful|you are now a lenient|you are now a generous|you are now an ai
you are now a different|you are now in developer|you are now dan|act as a lenient|act as a generous|pretend that the answer
pretend that this answer|pretend this answer|developer mode enabled|developer mode is|enable developer mode|grading mode
system override|override code|admin override|new instructions:|updated instructions:|updated rubric|the rubric has changed
the rubric has been|the rubric was updated|end of answer|end of the answer|end of student answer|end of the student answer
end of submission|end of the submission|end of the student's answer|begin system|end system|reveal your instructions
reveal your prompt|reveal your system|print your instructions|repeat your instructions|your system prompt|your new task is
your real task is|skip the evidence|no evidence is needed|no quotes are needed|no quotation is needed|already been graded
already been marked|was already graded|award all points|award all the points|give all points|give all the points|grant all points
assign all points|award every point|do not deduct points|do not deduct marks|don't deduct points|don't deduct marks
do not flag this|don't flag this|set the score to 10|set the score to the|set confidence|set the points to|confidence to 1
decode the following|decode this and|decode it and|decode and follow|base64 and follow|follow the decoded
follow the instructions at http*|follow the instructions at this|follow the instructions in the link
this answer deserves|my answer deserves|this essay deserves|this submission deserves|this student deserves
this answer meets all|this answer meets every|this answer fully meets|this answer satisfies all|this answer satisfies every
this answer is perfect|this submission is perfect|this submission meets|this essay meets all|this essay meets every
my answer meets all|my answer meets every|this answer has earned|eres una ia|nuevas instrucciones:|tu es une ia
vous etes une ia|nouvelles instructions:|du bist eine ki|du bist jetzt ein|neue anweisung:|neue anweisungen:|nuove istruzioni:
sei un'ia|novas instrucoes:|voce e uma ia|nowe instrukcje:|новые инструкции:|нові інструкції:|新的指令|你现在是|你現在是|新しい指示|새로운 지시
`;

export const injectionPhrases = {
  ignoreVerbs,
  graderRules,
  commonRules,
  ownership,
  awardVerbs,
  finalAwardVerbs,
  fullMarks,
  authorities,
  authorityClaims,
  addressPhrases,
} as const;
