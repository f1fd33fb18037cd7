"""Frequent English words, for one question only: is this token plainly a word and not a name?

They were counted in public court judgments (the words of the Text Anonymization Benchmark, MIT licence) and
completed by hand with everyday words and with names that are words (Hope, Rose, Joy). A word in this list is
never taken for a *misspelt* name; a name in this list is taken for the person only where it is written as a name.
"""


def listed(words: str) -> frozenset[str]:
    """The words of a list written as text."""
    return frozenset(words.split())


COMMON = listed(
    """
    a abbot abetting able abolished about above abroad absence absent abstract academic academy accepted access
    accident accommodation accompanied accordance according accordingly account accounts accused accusing
    acknowledged acquired acquitted across act acted acting action actions activities acts actual actually added
    addition additional address addresses adduced adequate adhered adjourned administration administrative
    admissibility admissible admission admit admitted adopted adult adults advance advanced advert adverts advised
    aerial affiliated afford afforded aforementioned afraid after afternoon again against age aged agency agent
    aggravated agreed agreement agricultural aid aiding aim aimed airport alia alienation alive all allegation
    allegations alleged allegedly alleging allocated allow allowance allowed almost alone along alpha already also
    alternative although always am amber amended amendment amendments among amount amounted amounting amounts an
    ancient and angel angels anger angry annual annul annulled annulment another answer anticipated any apartment
    apparently appeal appealed appealing appeals appear appeared appears appellant appellate apple applicability
    applicable applicant applicants application applications applied applies apply applying appoint appointed
    appointment appropriate approx approximately april are area areas arena argue argued arguing argument
    arguments armed arms army arrest arrested arrive arrived arriving art asap ash aside ask asked asking aspects
    asserted assessed assessment assets assigned assistance assistant assisted association assumed asylum at ate
    attached attempt attempted attend attended attention attesting august aunt authorisation authorities authority
    autumn avail available average await awaiting award awarded awarding aware away babies baby back bacon bad bag
    bags bail baker balance ball ban banana bank bar bare barely barley base based basement basic basil basis
    bathroom be bean bear bearing bears beat beaten beating beauty became because become bed bedroom beds been
    before began begin beginning begun behalf behaviour behind being belief believe believed bell bells belonged
    belonging below ben bench benefit benefits berry best beta better between beyond big bill bills birch bird
    birth bishop bit bitter black blanket blessing blessings bliss blood blue board boat body bond book border
    borders born boss both bottom bought bound boundaries bow box boy boys brace branch brand breach breached
    bread break breakfast breaks bridge brief bright bring bringing broke broken brook brooks brother brought
    brown bruise bruises build building bull burden burglary burn burned burnt bus bush business busy but butler
    buy by calculated calculating calculation call called calling calls came camera can candidates cannot capacity
    capital captain car carbon card cards care careful carefully carer carried carry carrying cars carter case
    cases cash cassation causal cause caused causing cedar cell center central centre century certain certificate
    certificates chair challenged challenging chance change changed changes character characterised charged
    charges charging charity chase cheap check checked cherry chief child children china chinas choice choose
    chose church circumstances citizen city civil civilian claim claimed claiming claims classification classified
    clause clay clean cleaner clear clearly client clients cliff clinic close closed closely closing clothes
    clothing cloud club coast coat coffee cold collected color colour combined come comes comfort coming command
    commemorate commenced comment comments commercial commission commit committed committee communicate
    communicated company comparable compared compatible compensation competent competing complained complaint
    complaints complete completed completely complex compliance complied comply composed composition comprised
    comprising compulsory concern concerned concerning concerns concluded conclusion condition conditional
    conditions conduct conducted confidential confidentiality confirmed confirming conformity conjunction
    connected connection consent consequence consequently consider considerable consideration considerations
    considered considering considers consisted conspiracy constable constance constant constitute constituted
    constitutional constitutionality consulted consulting contact contacts contained contended content contested
    continue continued continuing contract contracts contrary contravened contribution contributions control
    controlled convicted conviction cook cool cooper copy corner correct correctly corresponded correspondence
    cost costs could counsel count counted country counts couple course court courts cousin cover covered covers
    crane cried crime crimes criminal criteria crow crucial cry crying crypto crystal cubic cultural culture cup
    currently custody cut cuts daily daisy dale damage damaged damages dan dancer danger dangerous dare dark data
    date dated dates daughter dawn day days dead deal dealing dealt dean death debt debts dec december decide
    decided decides deciding decision decisions declare declared declined decree deemed deep default defence
    defendant defendants defined degrading degree delay delivered delta demand demonstration demonstrators den
    denial denied department dependent deposit deprived der describe described description designate despite
    destiny detailed detained detective detention determination determine determined developed developments
    diagnosed dick did die died differ different difficult difficulties dilemma din dinner diploma direct directly
    dirty disability disabled discharge discharged disciplinary disclosed disclosing discontinue discontinued
    discriminated discrimination discriminatory discussed dismiss dismissal dismissed dismisses dismissing
    dispersed displayed disproportionate dispute disputed disputes disregarded disseminating district divorce do
    doctor doctors doctrine document documents does doing dollar dollars domestic domstolen don done door doors
    doubts down drake drama drank drawn dress drew drink drinks drive driver drives driving drove drug drugs drunk
    dry due duke duly during duties duty each earl earlier early earmarked earn earned earnest earnings easily
    east eastern easy eat eaten economic educational effect effective eight either elected eleven eligible elm
    else email emails emphasised employed employee employees employer employment empty end ended enforce enforced
    enforcement enjoyment enough enshrined ensure enter entered entering entertain entirety entitled entitlement
    entrance entry envelope envelopes equal equality equipment equivalent era ernest error escape escaped escort
    especially establish established establishing establishment estate estimated euro euros eve even evening event
    events eventually ever every evidence exact exactly exam examination examine examined example exceed exceeded
    except exception exceptional excuse execution exempted exemption exercise exercised exercising exhaustively
    exhibit exist existence existing expect expectation expected expel expelled expenses expert experts expired
    explain explained explicitly expressed expression expropriated expropriation expulsion extended extending
    extension extensions extensive extent extra eye eyes face facilities facility fact factors factory facts fail
    failed failing failure fair faith fall fallen falling false family fan far farm fast father fault fauna favor
    favour fear features february fee feel fees fell fellow felt few field fields fifteen fifth fifty fight figure
    file filed files fill filled fin final finalised finally financial finch find finding findings fine fined
    finger finish finished fire firm first fish fisher fisherman fishing fit fitness five fixed flat floor floors
    flora follow followed following follows food foot for force forced forces foreman forest forget form formal
    formally former formerly forty forward forwarded found founded four fourth fox frank fraud free freedom friday
    friend friendly friends from front frost full fully fun functions fund funds furnished further game gamma
    garden gardener garrison gathered gathering gave geared gendarmerie gene general generally get getting gift
    gill gills gin ginger girl girls give given giving glance glen glory go goes going gold gone good goodness
    goods gorilla got grace gracious grant granted granting grave gravity gray grazing great greater green
    greenhouse grey grief ground grounds group guard guards guilt guilty gun guns guy had hair half hall ham han
    hand handed handle hands hang hangs happen happened happiness happy harbour hard hare harm harmful harmony
    hart has hate hated have having hawk hay hazel he head headman health healthy hear heard hearing hearings
    heart heath heather heaven heavy held hello help helped helping hen her hereafter hereinafter heron hers
    herself hid hidden hide hiding high higher hill hills him himself hire hired his history hit hitherto hits hoc
    hold holders holding holiday holly home honor honour hope hoped hopes hoping horizon horse hospital hospitals
    hostel hot hotel hour hours house household houses housing how however huge hundred hung hunger hurt hurts
    husband i idea identical identity if ill illegal illness image immediate immigration immovable impact
    impartial impartiality implementation importance important importation impose imposed impossible imprisoned
    imprisonment impugned in inactivity inadequate inadmissible incident included including income incompatible
    incorrect increase increased incurred indeed indefinite independence independent indicate indicated indicating
    indication indicted indictment individual indivisible induce ineligible inflation information informed
    infringed inherent initial initiated injured injuries injury innocence inside inspection inspector
    inspectorate instalments instance instead institute instituted instructed instructions insufficient insurance
    intake integrity intended intention intentional inter interest interests interfered interference interim
    interlocutory internal interpretation interpreted interpreter intervene intervention interview interviewed
    interviews into introduced introduction invalid invalidity investigate investigating investigation
    investigations investigator invited invoke invoked involved involvement ion ions iris is islam islamic island
    issue issued issues it items its itself ivy jack jacket jade jail january jean jeans jimmy job jobs join
    joined joint jointly joke journey joy judge judges judgment judgments judicial july june junior jurisdiction
    just justice justified justify karma keep kept key keys kid kids kill killed kin kind king kitchen knee knew
    knife knock know knowledge known kronor labour lack lacked lady laid lake lam lamb lamina lan land lands lane
    language laptop large last lasted late later latest latter laugh laurel law lawful lawfully laws lawyer
    lawyers lay laying lead leader leading learned least leave leaving led lee left leg legal legally legislation
    legitimate legs lei lemon length less let lets letter letters level levels liability liable liaison liberty
    licence lie lies life lift lifted light like liked likelihood likely lily limit limited line lined linen liner
    lines link linked liras list listed listen literature little live lived lives living lo load loan local
    locality locate located lock locked lodge lodged lodging logic long longer look looked looking lorry lose loss
    lost lot loud love loved loves low lower loyal lu lucky lunch ma made magic mai maid maiden main mainly
    maintain maintained maintaining maintenance maize major majority make making mam man manage manager mania
    manic manifestly manner many march marina marinas marine marines marital mark market marks marriage married
    marry marsh marshal marten martial martin mason massage material maternal matter matters mattress max may
    mayor me meal meals mean meaning means meant meantime measure measures meat media medical meet meeting melody
    melon member members membership memorial men mental mentioned mercy merely merits message messages met metal
    mi middle midnight might mile miles military militia milk miller million min mind mine mineral minimum minor
    minors mint minute minutes miracle mirror misconduct miss missed mixed mo mobile model modern moment monday
    money month monthly months mood moon moral more morning mortal moss most motel mother motion motorway mountain
    mouth move moved movement mu much muhtar murder music must my myrtle na nam name named namely names nan narrow
    natal national nationality nationals natural nature near necessary necessitated neck need needed negligence
    nei neighbour neighbours neither nephew never new newly news next nice nick niece night nightclub nights nine
    no noble nobody noise non none noon nor normal north northern nos not note noted notes nothing notice notified
    noting notwithstanding november now nu nuisance null number numbers numerous nurse oak oath obey object
    objected objection objectively obligation obliged observations observed obtain obtained obtaining occasions
    occupation occupational occupied occurred october of off offence offences offer offered offers office officer
    officers offices official often oil ok old olive on once one online only onto onward open opened opening opera
    operated operating opined opinion opinions opportunity options or oral orange order ordered ordering orders
    ordinary organisation organised organisers origin original originally originated other others otherwise ought
    our out outcome outside over overall overturned owed owes owing own owned owner owners ownership pack packed
    page pages paid paige pain pair pajama pan panama panic paper papers paragraph paragraphs parent parents park
    parked parker parliament part partial partially participate participated participating participation
    particular particularly particulars parties partly parts party pass passed passport passports past pasta pat
    patience pattern pay payable paying payment payments pays peace peaceful peach peacock pearl pecuniary pen
    penal penalty pending penny pension people pepper per perform performance period periods permanent permanently
    permission permit permits person personal persons pertaining petition petitioned phone phones photo photos
    phrase physician pick picked picture pictures piece pike pin pine pink pizza place placed plaintiff plan plane
    plans plate plates play played plaza plea pleaded pleadings please plot plots plum plus point pointed points
    police policies political pool poor pope population port porter position possessions possibility possible post
    postponed potato potential potter pounds poverty power practice practise practising praise precious precluded
    pregnant preliminary premises preparation prepared prescribed presence present presented presenting press
    pressure presumption pretend prevented preventive previous previously price prices primary prince princess
    principal principle principles prior priority prison prisoners privacy private privilege problem problems
    procedural procedure proceedings process produced producing profession professional professor profile
    programmes prohibited prohibition prolonged promise promised promises promissory promulgation proof propaganda
    proper properly properties property proposed prosecuting prosecution prosecutor prospect prospects protect
    protection protest protested protests prove proved provide provided provides province provision provisional
    provisions prudence psychiatric public published pull pulled punishment purple purpose purposes purse pursuant
    push pushed put puts qualify quality quashed quashing queen question questions quick quiet quite race rain
    raised raising ran rank rate rather ray reach reached reaching read ready real realised reason reasonable
    reasoned reasoning reasons receipt receive received receiver receiving recognised recognition reconsideration
    record recorded records recruiter recruiters rectification rectified rectify red reduced reduction reed
    reference referral referrals referred referring refusal refusals refuse refused refusing regard regarded
    regarding regards regatta regime regional registered registration registry regular regulated regulation
    regulations reimburse reimbursed reimbursement reinstated reinstatement reiterated rejected rejection related
    relating relation release released relevant relied relief religion religious rely relying remain remainder
    remained remaining remains remand remanded remedies remedy remember remitted removal remove removed removing
    rendered renew renewed rent repay repeat repeated repeatedly replaced replied reply report reported reporting
    reports represent representation representations representative representatives represented request requested
    requesting requests require required requirement requirements rescue rescued research reserved reside
    residence residing resigned resources respect respective respectively responded respondent response
    responsible rest restaurant restitution restrict result resulted resulting results resumed retained retired
    retirement return returned reunification revealed review revised rice rich ride right rights ring rise risk
    river rivers road rob robin rock rode ron roof room rooms rose route routes royal ruby rule ruled rules ruling
    run running rural rush rusty rye sad safe safety saffron sage said sail sailor salaries salary sale saliva
    salmon salon sam same san sandy sang sat satisfaction saturday savage saw say saying says scar scared
    scheduled scheme schillings school scope sea search seat second secret section sections secure security sedate
    see seeking seem seemed seen seized seldom selection sell sen senate send senior sense sent sentence sentenced
    sentences separate separated separation september sergeant serial series serious seriously seriousness servant
    serve served service services serving set sets setting settlement seven several severe severity sex sexual sh
    shall shame share shared sharp she sheet shelter shelters shepherd shift shifts ship shirt shoes shop short
    shortly shot should shout shouted show showed shower shown shu shut si sick side sight sign signal signature
    signed significance significantly signs silver similar simple simply simultaneously sin since sine single
    sister sit site sitting situated situation six skin sky sleep sleeping slept slight slow small smith smoke
    snow so social society soft sold sole solely solicitor solicitors solution some somebody someone something
    sometimes somewhere son sonata song soon sorry sort sought sound south southern space speak speaking special
    specific specifically specified speed spend spent split spoke spoken spot spring square stable staff stage
    stairs stamp stand standing star stark stars start started state stated statement statements stating station
    status statutory stay stayed staying steal step steps sterling still stipulated stole stolen stone stood stop
    stopped store storm story stranger street strength stressed strong struck student study stuff subject
    subjected subjects submission submissions submit submitted submitting subsequent subsequently substantial
    substantiate substantive success successful successor such suddenly sue sued suffer suffered suffering
    sufficient sufficiently suggested suitcase suite sum summarised summary summer summoned sun sunday sung sunny
    supervision supplementary supplemented supplied supply support supported supporting sure surface surname
    surveillance survivor survivors suspect suspected suspects suspended suspension suspensive suspicion sustained
    swan swift system ta table take taken taking talk talked talking tall tamper tan tang tao target task tattoo
    tax taxi taylor tea teacher team technical teeth telephone television tell tells temple temporary ten term
    terminated termination terms territory terrorism terrorist test testimony text than thank thanks that the
    their them themselves then there thereafter therefore these they thick thief thin thing things think third
    thirst thirty this thorn thorough those though thought thousand threat threaten threatened threatening threats
    three threw through throughout throw thursday thus ticket tickets tie tied till time times tin tiny tired
    title to today together toilet told tomato tomorrow tong tonic tonight too took tool top topic total touch
    touched tour toward towards town trace track trade tradition trafficker traffickers trafficking tragic train
    tran transfer transferred transfers transmission transmitted transport trap trapped travel travelled
    travelling treat treated treatment tree trial tribunal tried trinity trip trouble trout truck true trust
    trusted try trying tu tuesday tun tunic turn turned turner twelve twenty twice two type ugly ultimately unable
    uncle unconstitutional und under undergo underlying undermine undertaking unemployed unfair unfit unfitness
    union university unjustifiably unjustified unknown unlawful unlawfully unlawfulness unless unnecessary unpaid
    unreasonable unrepresented unspecified unsuccessful unsuccessfully until unusual up upheld uphold upholding
    upon upset upstairs us use used user using usual usually valid value van vanilla vans various vehicle vehicles
    verity very via victim victims victor victory video view villa village villages violate violated violation
    violations violence violet virtue visa visas vision visit visited visitors voice void von wage wages wait
    waited waiter waiting wake walk walked walker walking wall wallet walls wan wang want wanted wants war
    warehouse warm warn warned warrant was wash watch watched water way we weak wear wearing weather weaver web
    website wednesday week weekend weeks weight well wen went were west western wet what whatever wheat wheel when
    where whereas whether which while white who whole whom whose why wide widow widowers widows wife wild will
    willow win wind window windows wine winter wire wise wish wished with withdrawal withdrawn withdrew within
    without witness witnesses woke wolf woman women won wonder wood wooden woods word wording words wore work
    worked worker workers working works world worn worry worse worst worth would wound wounds wrap write writing
    written wrong wrongly wrote wu wyrok ya yan yang yard year years yellow yen yes yesterday yet yin you young
    your yu yuan zlotys
"""
)
