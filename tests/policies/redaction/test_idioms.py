"""Turns of speech that make a word of a name, and the same words where they are the person all the same."""

from __future__ import annotations

import pytest

from policies.redaction.engine import Matcher
from policies.redaction.identity import Settings
from policies.redaction.intake import identity_of

ONLY_KNOWN = Settings(patterns=False, relatives=False)

STAYS = {
    "Giada Leone": (
        "ciao raga, mia madre ha una collana di giada sua, gliela deve ridare",
        "Sul tavolo c'erano un anello e due orecchini di giada, e una lettera.",
    ),
    "Perla Fiore": (
        "raga mia zia ha un bracciale di perla, lo vende",
        "Nella scatola c'era una collana di perle, con un biglietto.",
    ),
    "Jade Martin": ("ok so he took a bracelet of jade from the drawer", "elle a vendu un collier de jade hier soir"),
    "Esmeralda Ruiz": (
        "oye mira, tenía un collar de esmeralda en la caja",
        "Llevaba unas pulseras y dos aretes de esmeralda.",
    ),
    "Crina Munteanu": ("În piață se vând flori. Crini de plastic vând și ceilalți copii.",),
    "Rosa Campos": ("La mesa estaba puesta. Rosas de papel y velas la adornaban.",),
    "Надежда Щербакова": (
        "Её спросили, что она думает. Надежда умирает последней, сказала она.",
        "Что было потом? Надежда на лучшее и терпение помогли.",
    ),
    "Nadzieja Kowal": ("Tak mówiła matka. Nadzieja umiera ostatnia, a ona czekała.",),
    "Speranța Muntean": ("Așa a spus ea de multe ori. Speranța moare ultima, a zis.",),
    "Shpresa Gjoka": ("Ajo tha se priti gjatë. Shpresa vdes e fundit, tha ajo.",),
    "Віра Коваль": (
        "Вона мовчала довго. Віра в Бога допомогла їй.",
        "Їх питали про це. Віра і страх тримали їх разом.",
    ),
    "Hope Osagiede": ("She was asked about it. Hope and fear kept her there.",),
    "Marguerite Boulanger": (
        "Il y avait un jardin. Marguerites et roses y poussaient.",
        "Ils sont partis. Boulanger de métier, il connaît la nuit.",
    ),
    "Jasmine Carpenter": (
        "They say a carpenter fixed the door.",
        "They sat down at the table. Jasmine tea was served.",
        "He was there too. Carpenter by trade, he fixed doors.",
    ),
    "Summer Fields": ("The house was shut in Summer 2021, and nobody came.",),
    "Anna Sommer": ("Sie kam im Sommer 2019 in die Stadt und ist dort geblieben.",),
    "Nguyễn Thị Hoa": ("Trên bàn có một cái bình. Hoa hồng đỏ ở trong đó.",),
    "Hanitra Rakotomalala": (
        "Le parfum que madame lui reprochait, hanitra en malgache, venait de la lessive.",
        "The scent of the soap (hanitra in Malagasy) filled the room.",
    ),
    "Drita Hoxha": ("Die Lampe, drita auf Albanisch, brannte die ganze Nacht.",),
    "هاجر بنجلون": (
        "قالت إن أباها هاجر من القرية حين كانت صغيرة.",
        "قالت إن زوجها هاجر إلى إسبانيا.",
        "وقد هاجر كثيرون من القرية.",
    ),
    "رنا حداد": ("قالت إن السائق رنا إلى البيت وصمت.",),
    "Luz Herrera": (
        "Luz verde de la fiscalía para el registro.",
        "Luz y agua estaban incluidas en el precio.",
    ),
    "Mar Ortega": ("Mar adentro había otra barca.",),
    "Rosa Quispe": ("Rosa claro era el color de la fachada.",),
    "Paz Montoya": ("Paz y orden pedían los vecinos.",),
    "Gioia Ferri": ("Gioia e sollievo tra i volontari dopo la sentenza.",),
    "Elena Ríos": ("Ríos y barrancos dificultan el paso.",),
    "Ana Guerra": ("Guerra entre bandas en el polígono.",),
    "Aurore Petit": ("Petit déjeuner servi à cinq heures, puis travail.",),
    "Eva Klein": ("Klein geschriebene Notizen fanden sich im Heft.",),
    "Tina Lang": ("Lang dauerte die Fahrt nicht.",),
    "Floarea Lupu": ("Floarea-soarelui se recoltează în septembrie.",),
    "Emma Frost": ("Frost of 20 degrees kept the yard empty, 20 Grad.",),
    "Yağmur Demir": ("Yağmur yağıyordu, kapı kilitliydi.",),
    "Lê Thị Thu": ("Thu nhập của họ bị giữ lại.",),
    "Любовь Мороз": ("Мороз стоял тридцать градусов, цех не топили.",),
    "Vera Petrova": ("Aloe vera gel was bought at the pharmacy.",),
    "أمل حسن": ("لا أمل في استرجاع الجوازات.",),
    "إيمان صالح": ("الإيمان بالقانون ضعيف بينهم.",),
    "高兴": ("大家都很高兴。",),
}
GOES = {
    "Giada Leone": (
        "raga ho visto una foto di giada sua, gliela deve ridare",
        "mia madre ha la collana di giada, gliela deve ridare",
        "Una collana di Giada era sul tavolo.",
        "ciao, una borsa di giada",
    ),
    "Perla Fiore": ("raga ho visto perla ieri", "raga il bracciale di perla era suo"),
    "Jade Martin": ("so he took the bracelet of jade again, she cried", "They took a ring. Jade had it."),
    "Esmeralda Ruiz": ("Llevaba el collar de Esmeralda.", "oye mira, tenía el collar de esmeralda en la caja"),
    "Rosa Campos": (
        "Hablé con ella. Rosa de Honduras no vino.",
        "Rosa de la Ceiba no vino.",
        "Vieron a Rosa de papel en mano.",
        "Vinieron dos. Rosa y margarita fueron al bar.",
    ),
    "Надежда Щербакова": (
        "Что было потом? Надежда умерла последней.",
        "Где она была? Надежда на кухне плакала.",
        "Кто пришёл? Надежда на помощь пришла.",
        "Кто был дома? Надежда и мать были дома.",
        "Все знают, что Надежда умирает последней из сестёр.",
    ),
    "Nadzieja Kowal": ("Tak było wtedy. Nadzieja na ratunek przyszła.", "Tak mówiła. Nadzieja i Anna wyszły."),
    "Speranța Muntean": ("Așa a fost atunci. Speranța a murit ultima.",),
    "Віра Коваль": (
        "Вона мовчала довго. Віра в Бога вірила.",
        "Вона мовчала довго. Віра в місті жила сама.",
        "Хто там був? Віра і сестра були там.",
    ),
    "Hope Osagiede": (
        "Hope from Benin did not come.",
        "They waited. Hope of Lagos did not come.",
        "She was asked about it. Hope and Joy left.",
        "Who came? Hope and her fear left the house.",
    ),
    "Marguerite Boulanger": (
        "Il y avait un jardin. Marguerite et Rose y dormaient.",
        "Marguerite de Lyon n'est pas venue.",
    ),
    "Perla Esposito": ("Perla di Napoli non è venuta.",),
    "Jasmine Carpenter": (
        "They sat down. Jasmine teased him.",
        "They sat down. Jasmine leaves tomorrow.",
        "Who was it? Carpenter by name, she said.",
        "Who fixed it? Jasmine Carpenter by trade union card.",
    ),
    "Summer Fields": ("We met Summer in 2021.", "They asked Summer 2021 times."),
    "Anna Sommer": ("Sie sprach mit Frau Sommer 2019 in der Stadt.",),
    "Nguyễn Thị Hoa": (
        "Cô ấy ở đâu? Hoa ở nhà một mình.",
        "Cô ấy ở đâu? Hoa mai về nhà.",
    ),
    "Hanitra Rakotomalala": (
        "Son prénom, hanitra en malgache, veut dire parfum.",
        "On a parlé avec elle, hanitra en malgache, longtemps.",
        "La fille, Hanitra en malgache, dort.",
    ),
    "Drita Hoxha": ("Ihr Name bedeutet Licht, drita auf Albanisch, und sie lachte.",),
    "هاجر بنجلون": (
        "قتل زوجها هاجر من الخلف.",
        "فقد هاجر كلهم.",
        "رأت هاجر والدها إلى جانب الباب.",
        "رأيت هاجر من القرية.",
        "أختها هاجر من القرية.",
        "قالت هاجر إلى الشرطة كل شيء.",
        "جاءت أمها هاجر من المدينة.",
    ),
    "رنا حداد": ("جاءت رنا إلى البيت.", "أختها رنا إلى البيت وصلت."),
    "Luz Herrera": (
        "Luz verdaderamente sufrió.",
        "Luz y su agua bendita llegaron.",
        "Luz verde de rabia salió.",
    ),
    "Mar Ortega": ("Mar adelantó el dinero.",),
    "Rosa Quispe": ("Rosa claramente mentía.",),
    "Paz Montoya": (
        "Paz y la ley no se llevan.",
        "Paz y Soledad vinieron.",
    ),
    "Gioia Ferri": (
        "Gioia e Serena vennero.",
        "Gioia e lei vennero.",
    ),
    "Elena Ríos": (
        "Ríos y Campos declararon.",
        "Ríos y su monte de papeles.",
    ),
    "Ana Guerra": ("Guerra entre rejas no habló.",),
    "Aurore Petit": ("Petit déjeune à midi.",),
    "Eva Klein": ("Klein geschlagen und müde.",),
    "Tina Lang": ("Lang daneben saß.",),
    "Pia Richter": (
        "Richter am Bahnhof weinte.",
        "Richter am Amtsgericht vernommen, danach ins Schutzhaus gebracht.",
    ),
    "Emma Frost": (
        "Frost graduated in 2019 and left for the coast.",
        "Frost hat einen Grad der Behinderung von 50.",
    ),
    "Luz Quispe": (
        "Luz, natural de Bolivia, declaró ayer.",
        "Luz natural de Bolivia declaró ayer.",
    ),
    "Luce Bianchi": ("Luce, naturale di Napoli, piangeva.",),
    "Rosa Mamani": ("Rosa claro que sabía todo.",),
    "Rose Dubois": (
        "Rose pâle et tremblante a refusé de parler.",
        "Rose, foncé de colère, est partie.",
    ),
    "Esperanza Ruiz": ("Esperanza no le contó a ninguna de las chicas.",),
    "Mary Hope": ("THE HOPE FAMILY WAS VISITED ON MONDAY.",),
    "Ann Grant": ("THE GRANT GIRL WAS FOUND IN THE VAN.",),
    "Besa Hoxha": ("Besa e thirri nënën.",),
    "Drita Leka": ("Drita e pa burrin.",),
    "Anna Wilk": ("Wilk syty nie był nigdy.",),
    "Claire Moreau": ("Claire comme de coutume est rentrée à l'aube.",),
    "Kis Remény": ("Remény sem maradt.",),
    "Yağmur Demir": ("Yağmur yağ aldı.",),
    "Lê Thị Thu": ("Thu nhập viện hôm qua.",),
    "Phạm Thị Bình": ("Bình thường xuyên gọi cho mẹ.",),
    "Любовь Мороз": ("Мороз стояла у двери.",),
    "Vera Petrova": ("Cream for Vera was bought.",),
    "أمل حسن": (
        "جاءت أمل في المساء.",
        "لا، أمل في البيت.",
    ),
    "نور الهدى علي": ("جاءت الهدى في المساء.",),
    "高兴": ("高兴说她怕。",),
}


def redacted(name: str, text: str) -> str:
    return Matcher((identity_of({"names": [name]}, pseudonym="V-1"),)).redact(text, settings=ONLY_KNOWN).text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in STAYS.items() for text in texts])
def test_a_word_that_its_turn_of_speech_makes_plain_stays(name: str, text: str) -> None:
    assert redacted(name, text) == text


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in GOES.items() for text in texts])
def test_the_person_goes_from_a_sentence_that_only_resembles_one(name: str, text: str) -> None:
    assert "V-1" in redacted(name, text)
