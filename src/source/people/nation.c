/* nation.c - the lists, and their cutting into items at first use. */
#include "source/people/nation.h"

#include <pthread.h>

struct raw {
    struct nation nation; /* without its lists */
    const char *male, *female, *last, *city, *state, *street;
};

static const struct raw raws[NATION_CNT] = {
    {{.code = "AU", .country = "Australia", .postcode = "####", .phone = "0#-####-####",
      .cell = "04##-###-###", .id_name = "TFN", .id = "#########"},
     "Oliver|Noah|Jack|Leo|Henry|William|Charlie|Lucas|Harvey|Max|Isaac|Archer|Hudson|Cooper",
     "Charlotte|Isla|Olivia|Amelia|Mia|Ava|Matilda|Ruby|Willow|Chloe|Evie|Harper|Sienna|Zara",
     "Smith|Jones|Williams|Brown|Taylor|Wilson|Nguyen|Anderson|Thomas|Walker|Harris|Kelly|Ryan",
     "Sydney|Melbourne|Perth|Adelaide|Hobart|Cairns|Geelong|Ballarat|Newcastle|Darwin|Dubbo|Mackay",
     "New South Wales|Victoria|Queensland|Western Australia|South Australia|Tasmania",
     "Banksia Road|Wattle Street|Kookaburra Lane|Station Street|High Street|Ocean Drive|Mill Road"},
    {{.code = "BR", .country = "Brazil", .postcode = "#####", .phone = "(##) ####-####",
      .cell = "(##) 9####-####", .id_name = "CPF", .id = "###.###.###-##"},
     "Miguel|Arthur|Heitor|Bernardo|Davi|Gabriel|Pedro|Lorenzo|Rafael|Tiago|Caio|Bruno|Diego",
     "Helena|Alice|Laura|Manuela|Valentina|Sofia|Isabela|Luiza|Julia|Marina|Beatriz|Camila|Larissa",
     "da Silva|Santos|Oliveira|Souza|Lima|Pereira|Ferreira|Costa|Rodrigues|Almeida|Nunes|Ribeiro",
     "São Paulo|Rio de Janeiro|Salvador|Fortaleza|Curitiba|Recife|Manaus|Belém|Santos|Goiânia",
     "São Paulo|Bahia|Minas Gerais|Paraná|Ceará|Pernambuco|Goiás|Amazonas|Santa Catarina",
     "Rua das Flores|Avenida Brasil|Rua do Sol|Rua Sete de Setembro|Travessa da Paz|Rua da Praia"},
    {{.code = "CA", .country = "Canada", .postcode = "X#X #X#", .postcode_text = true,
      .phone = "X## X##-####", .cell = "X## X##-####", .id_name = "SIN", .id = "#########"},
     "Liam|Noah|William|Thomas|Félix|Logan|Nathan|Olivier|Ethan|Jacob|Samuel|Benjamin|Owen|Émile",
     "Emma|Olivia|Alice|Charlotte|Florence|Zoé|Léa|Rosalie|Maya|Clara|Hannah|Abigail|Juliette|Nora",
     "Tremblay|Roy|Gagnon|Martin|Smith|Brown|Côté|Bouchard|Singh|Lee|Campbell|MacDonald|Fortin",
     "Toronto|Montréal|Calgary|Ottawa|Halifax|Regina|Kingston|Québec|Victoria|Moncton|Sudbury",
     "Ontario|Québec|Alberta|British Columbia|Manitoba|Nova Scotia|Saskatchewan|New Brunswick",
     "Maple Avenue|King Street|Lakeshore Road|Rue Principale|Pine Street|Victoria Avenue"},
    {{.code = "CH", .country = "Switzerland", .postcode = "####", .phone = "0## ### ## ##",
      .cell = "07# ### ## ##", .id_name = "AVS", .id = "756.####.####.##"},
     "Noah|Matteo|Luca|Leon|Nico|Elias|Jonas|Urs|Reto|Beat|Thierry|Yannick|Marco|Fabian|Lukas",
     "Mia|Emma|Lina|Elena|Sofia|Lea|Nina|Anouk|Ursina|Chiara|Seraina|Salome|Ladina|Noemi|Corinne",
     "Müller|Meier|Schmid|Keller|Weber|Huber|Schneider|Favre|Rochat|Bernasconi|Gerber|Brunner|Frei",
     "Zürich|Genève|Basel|Bern|Lausanne|Luzern|Lugano|Chur|Thun|Sion|Biel|Fribourg|Aarau|Solothurn",
     "Zürich|Bern|Vaud|Genève|Ticino|Graubünden|Valais|Luzern|Aargau|Fribourg|Neuchâtel",
     "Bahnhofstrasse|Dorfstrasse|Rue du Lac|Hauptstrasse|Seestrasse|Via Nassa|Rue de la Gare"},
    {{.code = "DE", .country = "Germany", .postcode = "#####", .phone = "0###-#######",
      .cell = "017#-#######", .id_name = "SVNR", .id = "## ###### X ###"},
     "Ben|Paul|Jonas|Elias|Finn|Felix|Lukas|Karl|Moritz|Jürgen|Matthias|Björn|Anton|Emil|Oskar",
     "Emma|Mia|Hannah|Sophia|Lina|Marie|Lea|Ida|Clara|Greta|Frieda|Käthe|Annika|Ronja|Heike|Ulrike",
     "Müller|Schmidt|Schneider|Fischer|Weber|Meyer|Wagner|Becker|Schulz|Hoffmann|Koch|Richter",
     "Berlin|Hamburg|München|Köln|Leipzig|Dresden|Bremen|Essen|Nürnberg|Kiel|Mainz|Erfurt|Freiburg",
     "Bayern|Hessen|Sachsen|Niedersachsen|Thüringen|Brandenburg|Saarland|Berlin|Hamburg",
     "Hauptstraße|Schulstraße|Gartenstraße|Bahnhofstraße|Lindenweg|Bergstraße|Kirchgasse|Am Markt"},
    {{.code = "DK", .country = "Denmark", .postcode = "####", .phone = "########",
      .cell = "########", .id_name = "CPR", .id = "######-####"},
     "William|Noah|Oscar|Carl|Malthe|Emil|Valdemar|August|Mikkel|Søren|Rasmus|Lasse|Frederik",
     "Ida|Emma|Alma|Ella|Sofie|Freja|Josefine|Clara|Anna|Karla|Laura|Mathilde|Astrid|Ingrid|Signe",
     "Jensen|Nielsen|Hansen|Pedersen|Andersen|Christensen|Larsen|Sørensen|Rasmussen|Madsen|Møller",
     "København|Aarhus|Odense|Aalborg|Esbjerg|Randers|Kolding|Horsens|Vejle|Roskilde|Ribe|Skagen",
     "Hovedstaden|Midtjylland|Nordjylland|Sjælland|Syddanmark",
     "Strandvejen|Nørregade|Vestergade|Østergade|Skovvej|Kirkevej|Engvej|Møllevej|Birkevej"},
    {{.code = "ES", .country = "Spain", .postcode = "#####", .phone = "9##-###-###",
      .cell = "6##-###-###", .id_name = "DNI", .id = "########-X"},
     "Hugo|Mateo|Martín|Lucas|Leo|Daniel|Alejandro|Manuel|Pablo|Álvaro|Adrián|Enzo|Mario|Diego",
     "Lucía|Sofía|Martina|María|Julia|Paula|Valeria|Emma|Daniela|Carla|Alba|Noa|Alma|Carmen|Lola",
     "García|González|Rodríguez|Fernández|López|Martínez|Sánchez|Pérez|Gómez|Ruiz|Díaz|Moreno|Vega",
     "Madrid|Barcelona|Valencia|Sevilla|Zaragoza|Málaga|Bilbao|Granada|Toledo|Gijón|Murcia|Vigo",
     "Andalucía|Cataluña|Comunidad de Madrid|Galicia|Aragón|País Vasco|Canarias|Asturias",
     "Calle Mayor|Calle del Sol|Avenida de la Paz|Paseo Marítimo|Calle de la Luna"},
    {{.code = "FI", .country = "Finland", .postcode = "#####", .phone = "0#-###-###",
      .cell = "04#-###-##-##", .id_name = "HETU", .id = "######-###X"},
     "Eino|Leo|Oliver|Väinö|Elias|Onni|Toivo|Eeli|Noel|Hugo|Mikko|Antti|Jari|Juhani|Kalle|Matti",
     "Aino|Eevi|Olivia|Sofia|Helmi|Lilja|Aada|Isla|Linnea|Venla|Päivi|Tuula|Kaisa|Sanni|Emmi|Oona",
     "Korhonen|Virtanen|Mäkinen|Nieminen|Mäkelä|Hämäläinen|Laine|Heikkinen|Koskinen|Järvinen|Lehto",
     "Helsinki|Espoo|Tampere|Turku|Oulu|Lahti|Kuopio|Pori|Vaasa|Rovaniemi|Kotka|Hanko|Porvoo|Kemi",
     "Uusimaa|Pirkanmaa|Lappi|Kainuu|Satakunta|Pohjois-Savo|Keski-Suomi|Päijät-Häme",
     "Mannerheimintie|Hämeenkatu|Koulukatu|Rantatie|Kirkkokatu|Asematie|Puistokatu|Koivutie"},
    {{.code = "FR", .country = "France", .postcode = "#####", .phone = "0#-##-##-##-##",
      .cell = "06-##-##-##-##", .id_name = "INSEE", .id = "# ## ## ## ### ### ##"},
     "Gabriel|Léo|Raphaël|Arthur|Louis|Jules|Adam|Maël|Lucas|Hugo|Noé|Théo|Baptiste|Clément|Romain",
     "Jade|Louise|Emma|Alice|Ambre|Lina|Rose|Chloé|Mia|Léa|Anna|Inès|Manon|Camille|Élise|Margaux",
     "Martin|Bernard|Dubois|Thomas|Robert|Richard|Petit|Durand|Leroy|Moreau|Simon|Laurent|Lefèvre",
     "Paris|Lyon|Marseille|Toulouse|Nice|Nantes|Strasbourg|Lille|Rennes|Reims|Dijon|Angers|Brest",
     "Bretagne|Normandie|Occitanie|Île-de-France|Grand Est|Corse|Hauts-de-France|Centre",
     "Rue de la Gare|Rue Pasteur|Avenue Foch|Rue du Moulin|Place de l'Église|Rue Victor-Hugo"},
    {{.code = "GB", .country = "United Kingdom", .postcode = "X## #XX", .postcode_text = true,
      .phone = "01### ######", .cell = "07### ######", .id_name = "NINO", .id = "XX ## ## ## X"},
     "Oliver|George|Arthur|Noah|Muhammad|Leo|Oscar|Harry|Archie|Jack|Henry|Theo|Alfie|Rhys|Callum",
     "Olivia|Amelia|Isla|Ava|Mia|Ivy|Lily|Freya|Florence|Willow|Elsie|Poppy|Daisy|Imogen|Niamh",
     "Smith|Jones|Taylor|Brown|Williams|Wilson|Evans|Patel|Walker|Wright|Hughes|Green|Clarke|Khan",
     "London|Leeds|Bristol|Glasgow|Cardiff|Belfast|York|Bath|Exeter|Derby|Norwich|Dundee|Swansea",
     "Kent|Devon|Essex|Norfolk|Cumbria|Gwynedd|Fife|Antrim|Cornwall|Dorset|Surrey|Powys|Suffolk",
     "High Street|Station Road|Church Lane|Mill Lane|The Crescent|Victoria Road|Green Lane"},
    {{.code = "NL", .country = "Netherlands", .postcode = "#### XX", .postcode_text = true,
      .phone = "(0##) #######", .cell = "(06) ########", .id_name = "BSN", .id = "#########"},
     "Noah|Lucas|Sem|Daan|Levi|Luuk|Milan|Finn|Jesse|Bram|Thijs|Sander|Joost|Gijs|Ruben|Koen|Teun",
     "Emma|Julia|Mila|Tess|Sophie|Zoë|Sara|Nora|Yara|Eva|Lotte|Fleur|Femke|Anouk|Sanne|Maud|Roos",
     "de Jong|Jansen|de Vries|van den Berg|Bakker|Visser|Smit|Meijer|de Boer|Mulder|Bos|Vos|Peters",
     "Amsterdam|Rotterdam|Utrecht|Eindhoven|Groningen|Tilburg|Almere|Breda|Zwolle|Leiden|Delft",
     "Noord-Holland|Zuid-Holland|Utrecht|Gelderland|Friesland|Zeeland|Drenthe|Limburg",
     "Dorpsstraat|Kerkstraat|Molenweg|Schoolstraat|Stationsweg|Lindelaan|Havenkade|Julianalaan"},
    {{.code = "NO", .country = "Norway", .postcode = "####", .postcode_text = true,
      .phone = "########", .cell = "4#######", .id_name = "FN", .id = "###########"},
     "Jakob|Noah|Emil|Oskar|Lucas|Isak|Filip|Aksel|Theodor|Håkon|Magnus|Sander|Bjørn|Eirik|Ola",
     "Nora|Emma|Sofie|Olivia|Ella|Maja|Emilie|Sara|Ingrid|Frida|Hedda|Solveig|Tuva|Åse|Kari",
     "Hansen|Johansen|Olsen|Larsen|Andersen|Nilsen|Berg|Haugen|Hagen|Dahl|Lund|Moen|Strand|Solberg",
     "Oslo|Bergen|Trondheim|Stavanger|Tromsø|Drammen|Ålesund|Bodø|Molde|Hamar|Narvik|Alta|Voss",
     "Viken|Vestland|Rogaland|Nordland|Innlandet|Agder|Trøndelag|Troms|Finnmark|Telemark",
     "Storgata|Kirkeveien|Skogveien|Fjellveien|Sjøgata|Parkveien|Strandgata|Elveveien|Bekkeveien"},
    {{.code = "TR", .country = "Turkey", .postcode = "#####", .phone = "(###)-###-####",
      .cell = "(5##)-###-####", .id_name = "", .id = ""},
     "Alparslan|Yusuf|Göktuğ|Miraç|Ömer|Eymen|Kerem|Mehmet|Ali|Emre|Hasan|Barış|Deniz|Umut|Can|Efe",
     "Defne|Zeynep|Asel|Elif|Asya|Azra|Nehir|Eylül|Ecrin|Elisa|Ayşe|Fatma|Melek|Gül|Selin|Derya",
     "Yılmaz|Kaya|Demir|Çelik|Şahin|Yıldız|Yıldırım|Öztürk|Aydın|Özdemir|Arslan|Doğan|Kılıç|Polat",
     "İstanbul|Ankara|İzmir|Bursa|Antalya|Konya|Adana|Trabzon|Samsun|Eskişehir|Kars|Van|Sivas",
     "Marmara|Ege|Akdeniz|Karadeniz|İç Anadolu|Doğu Anadolu|Güneydoğu Anadolu",
     "Atatürk Caddesi|İstiklal Caddesi|Bağdat Caddesi|Cumhuriyet Caddesi|Gül Sokak|Lale Sokak"},
    {{.code = "US", .country = "United States", .postcode = "#####", .phone = "(###) ###-####",
      .cell = "(###) ###-####", .id_name = "SSN", .id = "###-##-####"},
     "Liam|Noah|Oliver|James|Elijah|Mateo|Theodore|Henry|Lucas|William|Benjamin|Levi|Ezra|Wyatt",
     "Olivia|Emma|Charlotte|Amelia|Sophia|Mia|Isabella|Ava|Evelyn|Luna|Harper|Camila|Aria|Scarlett",
     "Smith|Johnson|Williams|Brown|Jones|Garcia|Miller|Davis|Rodriguez|Martinez|Hernandez|Lopez",
     "Austin|Denver|Portland|Boise|Omaha|Tulsa|Fresno|Mesa|Raleigh|Tampa|Reno|Buffalo|Toledo",
     "California|Texas|Ohio|Oregon|Nevada|Idaho|Maine|Georgia|Montana|Iowa|Kansas|Vermont|Utah",
     "Main Street|Oak Street|Elm Street|Park Avenue|Cedar Lane|Maple Drive|2nd Street|Sunset Road"},
};

static struct nation nations[NATION_CNT];
static pthread_once_t once = PTHREAD_ONCE_INIT;

static void cut(const char *text, struct nation_list *list) {
    struct str left = str_of(text);
    while (left.ptr) {
        CHECK(list->cnt < NATION_LIST_MAX);
        list->item[list->cnt++] = str_cut(left, '|', &left);
    }
}

static void cut_all(void) {
    for (size_t i = 0; i < NATION_CNT; i++) {
        nations[i] = raws[i].nation;
        cut(raws[i].male, &nations[i].male);
        cut(raws[i].female, &nations[i].female);
        cut(raws[i].last, &nations[i].last);
        cut(raws[i].city, &nations[i].city);
        cut(raws[i].state, &nations[i].state);
        cut(raws[i].street, &nations[i].street);
    }
}

const struct nation *nation_get(uint32_t idx) {
    assert(idx < NATION_CNT);
    pthread_once(&once, cut_all);
    return &nations[idx];
}

int nation_find(struct str code) {
    for (int i = 0; i < NATION_CNT; i++)
        if (str_ieq(code, str_of(raws[i].nation.code))) return i;
    return -1;
}
