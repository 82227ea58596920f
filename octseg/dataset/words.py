"""Words that names of studies, folders and files hold where they name no person; all in lower case, without accents."""

_MEDICINE = """
oct ivoct ivus oct2 cag ct mr mri us pet ecg ffr pci cabg acs stemi nstemi mace cad
coronary artery vessel vessels branch left right main lad lcx cx rca lca lmca om diag diagonal septal ostial ostium
proximal prox distal dist mid middle bifurcation graft
plaque plaques lipid lipids lipidic calcium calcified calc fibrous fibro fibrotic cap caps core cores lumen vasa vasorum
thin tcfa thcfa necrotic rupture ruptured erosion thrombus macrophage neointima intima media adventitia wall eel
stent stents stented scaffold native normal healthy diseased disease lesion lesions culprit nonculprit target
patient patients pat pats pt pts subject subjects subj case cases donor specimen sample samples cohort group groups grp
control controls ctrl treated untreated placebo drug trial trials registry pilot retro retrospective prospective
multi multicenter multicentre single mono arm visit visits baseline followup follow fu pre post acute
stable before after human pig pigs porcine rabbit rabbits animal animals mouse swine sheep mini
minipig minipigs cadaver aorta aortic carotid femoral renal heart ex vivo exvivo invivo vitro
male female day days week weeks month months year years age
abbott terumo lightlab ilumien optis dragonfly fastview gentuity conavi boston volcano infraredx nipro
hospital hosp clinic clinical center centre centers centres site sites ward unit department dept university institute
"""
_DATA = """
id ids no nr num number index study studies std series ser run runs pull pullback pullbacks pb frame frames frm slice
slices image images img imgs picture pictures pic pics photo photos mask masks seg segs segm segmentation label labels
labeled labelled annot annotated annotation annotations anno gt truth ground raw orig original originals native
export exports exported import data dataset datasets set sets lab labs test tests testing train training val valid
validation fold folds split splits batch batches part parts section region roi scan scans scanner acquisition acq exam
exams examination session sess time point tp timepoint stamp anon anonym anonymous anonymized anonymised pseudo
pseudonym deid deidentified random code coded unknown none null default untitled temp tmp project proj version ver rev
new old final copy draft demo example examples phantom phantoms drawn disc discs synthetic synth sim simulated model
models cartesian polar gray grey color colour rgb mono red green blue white black yellow file files folder folders dir
all other others misc archive backup upload download result results output outputs input inputs preview crop cropped
rot rotated turned flip flipped mirrored resized scaled small large big one two three four five six seven eight nine ten
first second third last alpha beta gamma delta epsilon zeta eta theta iota kappa lambda sigma omega
compare comparison analysis resliced reslice filtered cleaned clean good bad best worst selected selection
png jpg jpeg tif tiff ome dicom dcm bmp webp avi movie video clip screen screenshot capture
reader readers observer observers expert experts rater raters annotator person zenodo record zen public private
january february march april may june july august september october november december
"""
_OTHER_LANGUAGES = """
bild bilder maske masken aufnahme aufnahmen fall faelle falle probe proben kontrolle klinik zentrum studie studien
patientin patienten lauf schnitt ordner daten messung
cas temoin etude serie series coupe masque donnees hopital patiente
paciente pacientes caso casos estudio imagen imagenes mascara datos corte serie hospital
paziente pazienti studio immagine immagini maschera dati sezione
患者 病人 病例 症例 検査 画像 图像 掩码 환자 пациент исследование кадр маска снимок
"""
ORDINARY = frozenset(f"{_MEDICINE} {_DATA} {_OTHER_LANGUAGES}".split())
