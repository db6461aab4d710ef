/**
 * Words that carry no meaning of their own, in the languages of most answers, folded as `foldText` folds. A quotation
 * made only of them shows nothing, and the simulator does not count them.
 */
export const stopWords: ReadonlySet<string> = new Set(
  [
    'a about above after again all also am an and any are as at be because been before being below between both but by can',
    'could did do does doing down during each few for from further had has have having he her here hers him his how i if in',
    'into is it its just may me might more most must my no nor not of off on once only or other our out over own s same shall',
    'she should so some such t than that the their them then there these they this those through to too under until up upon',
    'us very was we were what when where which while who whom why will with would you your yes',
    'al con como de del el en es esta este la las lo los mas muy no o para pero por que se ser si sin son su sus un una y ya',
    'au aux avec ce ces cette dans des du elle est et il ils je le les leur mais ne nous ou par pas plus pour qui sa ses sont',
    'sur tu une vous aber als am an auch auf aus bei bin das dass dem den der die ein eine einem einen einer er es fur hat ich',
    'im ist mit nach nicht noch nur oder sich sie sind so uber und von war wie wir zu zum zur',
    'che da dal della di e gli il ma mi nel non per piu sono um uma ao dos das em nao os ou foi het een van en dat niet zijn op',
    'te voor met i w z na do sie jest to ze och att som pa av det i в и на не что с по как а это к из у за от о для но',
  ].flatMap((line) => line.split(' ')),
);
