/* demo_words.h - the dictionary behind demo_grammar.c: words with the forms that the
 * sentences need, in both languages. Included there only. */
#ifndef ATTEND_DEMO_WORDS_H
#define ATTEND_DEMO_WORDS_H

#define COUNT(a) ((int)(sizeof(a) / sizeof *(a)))

/* Who: subject, object ("than me"), agreement. */
typedef struct person {
    const char *en, *object, *zh;
    char who; /* 1 I, 2 you, 3 he or she, 4 we, 5 they */
} person;

static const person people[] = {
    {"I", "me", "我", '1'},
    {"you", "you", "你", '2'},
    {"he", "him", "他", '3'},
    {"she", "her", "她", '3'},
    {"we", "us", "我们", '4'},
    {"they", "them", "他们", '5'},
    {"my father", "my father", "我爸爸", '3'},
    {"my mother", "my mother", "我妈妈", '3'},
    {"my friend", "my friend", "我的朋友", '3'},
    {"his wife", "his wife", "他的妻子", '3'},
    {"her teacher", "her teacher", "她的老师", '3'},
    {"Li Ming", "Li Ming", "李明", '3'},
    {"Mary", "Mary", "玛丽", '3'},
};

/* A thing: one, many, in general; Chinese with its measure word. */
typedef struct noun {
    const char *one, *many, *general, *zh, *measure;
} noun;

enum {
    BOOK,
    NOVEL,
    PAPER,
    LETTER,
    POEM,
    APPLE,
    ORANGE,
    EGG,
    RICE,
    NOODLES,
    TEA,
    COFFEE,
    WATER,
    BEER,
    CUP,
    SHIRT,
    TICKET,
    BICYCLE,
    CAR,
    CHAIR,
    TABLE,
    UMBRELLA,
    CAT,
    DOG,
    BIRD,
    HORSE,
    FISH,
    FLOWER,
    CHILD,
    HOUSE,
    SONG,
    FILM,
    N_NOUNS
};

static const noun nouns[N_NOUNS] = {
    [BOOK] = {"a book", "books", "books", "书", "本"},
    [NOVEL] = {"a novel", "novels", "novels", "小说", "本"},
    [PAPER] = {"a newspaper", "newspapers", "newspapers", "报纸", "份"},
    [LETTER] = {"a letter", "letters", "letters", "信", "封"},
    [POEM] = {"a poem", "poems", "poems", "诗", "首"},
    [APPLE] = {"an apple", "apples", "apples", "苹果", "个"},
    [ORANGE] = {"an orange", "oranges", "oranges", "橙子", "个"},
    [EGG] = {"an egg", "eggs", "eggs", "鸡蛋", "个"},
    [RICE] = {"a bowl of rice", "bowls of rice", "rice", "米饭", "碗"},
    [NOODLES] = {"a bowl of noodles", "bowls of noodles", "noodles", "面条", "碗"},
    [TEA] = {"a cup of tea", "cups of tea", "tea", "茶", "杯"},
    [COFFEE] = {"a cup of coffee", "cups of coffee", "coffee", "咖啡", "杯"},
    [WATER] = {"a glass of water", "glasses of water", "water", "水", "杯"},
    [BEER] = {"a bottle of beer", "bottles of beer", "beer", "啤酒", "瓶"},
    [CUP] = {"a cup", "cups", "cups", "杯子", "个"},
    [SHIRT] = {"a shirt", "shirts", "shirts", "衬衫", "件"},
    [TICKET] = {"a ticket", "tickets", "tickets", "票", "张"},
    [BICYCLE] = {"a bicycle", "bicycles", "bicycles", "自行车", "辆"},
    [CAR] = {"a car", "cars", "cars", "汽车", "辆"},
    [CHAIR] = {"a chair", "chairs", "chairs", "椅子", "把"},
    [TABLE] = {"a table", "tables", "tables", "桌子", "张"},
    [UMBRELLA] = {"an umbrella", "umbrellas", "umbrellas", "雨伞", "把"},
    [CAT] = {"a cat", "cats", "cats", "猫", "只"},
    [DOG] = {"a dog", "dogs", "dogs", "狗", "只"},
    [BIRD] = {"a bird", "birds", "birds", "鸟", "只"},
    [HORSE] = {"a horse", "horses", "horses", "马", "匹"},
    [FISH] = {"a fish", "fish", "fish", "鱼", "条"},
    [FLOWER] = {"a flower", "flowers", "flowers", "花", "朵"},
    [CHILD] = {"a child", "children", "children", "孩子", "个"},
    [HOUSE] = {"a house", "houses", "houses", "房子", "座"},
    [SONG] = {"a song", "songs", "songs", "歌", "首"},
    [FILM] = {"a film", "films", "films", "电影", "部"},
};

typedef struct verb {
    const char *base, *third, *past, *ing, *zh;
} verb;

enum { BUY, READ, WRITE, EAT, DRINK, SEE, DRAW, SELL, SING, WATCH };

static const verb verbs[] = {
    [BUY] = {"buy", "buys", "bought", "buying", "买"},
    [READ] = {"read", "reads", "read", "reading", "读"},
    [WRITE] = {"write", "writes", "wrote", "writing", "写"},
    [EAT] = {"eat", "eats", "ate", "eating", "吃"},
    [DRINK] = {"drink", "drinks", "drank", "drinking", "喝"},
    [SEE] = {"see", "sees", "saw", "seeing", "看见"},
    [DRAW] = {"draw", "draws", "drew", "drawing", "画"},
    [SELL] = {"sell", "sells", "sold", "selling", "卖"},
    [SING] = {"sing", "sings", "sang", "singing", "唱"},
    [WATCH] = {"watch", "watches", "watched", "watching", "看"},
};

/* What can be done with what; `where` says which places fit. */
enum {
    AT_HOME = 1,
    IN_LIBRARY = 2,
    IN_PARK = 4,
    IN_SHOP = 8,
    IN_CITY = 16,
    AT_TABLE = 32
};

typedef struct deed {
    int verb, noun, where;
    bool daily; /* one does it every day */
} deed;

static const deed deeds[] = {
    {BUY, BOOK, IN_SHOP | IN_CITY, false},
    {BUY, APPLE, IN_SHOP | IN_CITY, true},
    {BUY, EGG, IN_SHOP, true},
    {BUY, CUP, IN_SHOP | IN_CITY, false},
    {BUY, SHIRT, IN_SHOP | IN_CITY, false},
    {BUY, TICKET, IN_CITY, false},
    {BUY, BICYCLE, IN_SHOP | IN_CITY, false},
    {BUY, CAR, IN_CITY, false},
    {BUY, CHAIR, IN_SHOP | IN_CITY, false},
    {BUY, TABLE, IN_SHOP | IN_CITY, false},
    {BUY, UMBRELLA, IN_SHOP | IN_CITY, false},
    {BUY, FISH, IN_SHOP, true},
    {BUY, FLOWER, IN_SHOP | IN_CITY, true},
    {BUY, PAPER, IN_SHOP, true},
    {BUY, HOUSE, IN_CITY, false},
    {READ, BOOK, AT_HOME | IN_LIBRARY | IN_PARK, true},
    {READ, NOVEL, AT_HOME | IN_LIBRARY | IN_PARK, true},
    {READ, PAPER, AT_HOME | IN_LIBRARY, true},
    {READ, POEM, AT_HOME | IN_PARK, true},
    {WRITE, LETTER, AT_HOME | IN_LIBRARY, true},
    {WRITE, NOVEL, AT_HOME | IN_LIBRARY, true},
    {WRITE, POEM, AT_HOME | IN_PARK, true},
    {EAT, APPLE, AT_HOME | AT_TABLE | IN_PARK, true},
    {EAT, ORANGE, AT_HOME | AT_TABLE | IN_PARK, true},
    {EAT, EGG, AT_HOME | AT_TABLE, true},
    {EAT, RICE, AT_HOME | AT_TABLE, true},
    {EAT, NOODLES, AT_HOME | AT_TABLE, true},
    {EAT, FISH, AT_HOME | AT_TABLE, true},
    {DRINK, TEA, AT_HOME | AT_TABLE | IN_PARK, true},
    {DRINK, COFFEE, AT_HOME | AT_TABLE, true},
    {DRINK, WATER, AT_HOME | AT_TABLE, true},
    {DRINK, BEER, AT_HOME | AT_TABLE | IN_PARK, true},
    {SEE, CAT, IN_PARK | IN_CITY, false},
    {SEE, DOG, IN_PARK | IN_CITY, false},
    {SEE, BIRD, IN_PARK, false},
    {SEE, HORSE, IN_PARK | IN_CITY, false},
    {SEE, CHILD, IN_PARK | IN_SHOP, false},
    {DRAW, HORSE, AT_HOME | IN_PARK, true},
    {DRAW, BIRD, AT_HOME | IN_PARK, true},
    {DRAW, FLOWER, AT_HOME | IN_PARK, true},
    {DRAW, CAT, AT_HOME, true},
    {SELL, CAR, IN_CITY, false},
    {SELL, BICYCLE, IN_CITY, false},
    {SELL, HOUSE, IN_CITY, false},
    {SELL, HORSE, IN_CITY, false},
    {SING, SONG, AT_HOME | IN_PARK, true},
    {WATCH, FILM, AT_HOME, true},
};

typedef struct phrase {
    const char *en, *zh;
    int kind;
} phrase;

/* Kinds are bits of `where`. */
static const phrase places[] = {
    {"at home", "在家里", AT_HOME},          {"in the kitchen", "在厨房", AT_TABLE},
    {"in a restaurant", "在饭馆", AT_TABLE}, {"in the library", "在图书馆", IN_LIBRARY},
    {"in the park", "在公园", IN_PARK},      {"in the garden", "在花园里", IN_PARK},
    {"in the shop", "在商店", IN_SHOP},      {"in Beijing", "在北京", IN_CITY},
    {"in Shanghai", "在上海", IN_CITY},
};

/* kind 1: long enough to write a novel or to sell a house. */
static const phrase past_times[] = {
    {"yesterday", "昨天", 0},      {"this morning", "今天早上", 0},
    {"last night", "昨天晚上", 0}, {"last week", "上个星期", 1},
    {"last month", "上个月", 1},   {"two days ago", "两天前", 0},
};
static const phrase future_times[] = {
    {"tomorrow", "明天", 0},
    {"tonight", "今天晚上", 0},
    {"next week", "下个星期", 1},
    {"next month", "下个月", 1},
    {"tomorrow morning", "明天早上", 0},
};
static const phrase habits[] = {
    {"every day", "每天", 0},
    {"every morning", "每天早上", 0},
    {"every evening", "每天晚上", 0},
    {"every weekend", "每个周末", 0},
};

static const phrase numbers[] = {
    {"one", "一", 0},  {"two", "两", 0},  {"three", "三", 0},
    {"four", "四", 0}, {"five", "五", 0}, {"ten", "十", 0},
};

/* kind: 0 countable by 个, 1 by 名. */
static const phrase jobs[] = {
    {"student", "学生", 0},    {"teacher", "老师", 1}, {"doctor", "医生", 1},
    {"nurse", "护士", 1},      {"driver", "司机", 1},  {"worker", "工人", 0},
    {"farmer", "农民", 0},     {"writer", "作家", 1},  {"singer", "歌手", 1},
    {"cook", "厨师", 1},       {"lawyer", "律师", 1},  {"soldier", "士兵", 1},
    {"engineer", "工程师", 1},
};

static const phrase nations[] = {
    {"Chinese", "中国人", 0},    {"French", "法国人", 0},    {"Japanese", "日本人", 0},
    {"American", "美国人", 0},   {"English", "英国人", 0},   {"German", "德国人", 0},
    {"Canadian", "加拿大人", 0}, {"Russian", "俄罗斯人", 0}, {"Italian", "意大利人", 0},
    {"Spanish", "西班牙人", 0},
};

static const phrase languages[] = {
    {"Chinese", "汉语", 0},     {"French", "法语", 0},      {"Japanese", "日语", 0},
    {"English", "英语", 0},     {"German", "德语", 0},      {"Russian", "俄语", 0},
    {"Italian", "意大利语", 0}, {"Spanish", "西班牙语", 0},
};

static const phrase goals[] = {
    {"to school", "学校", 0},      {"to the hospital", "医院", 0},
    {"to the bank", "银行", 0},    {"to the station", "火车站", 0},
    {"to the park", "公园", 0},    {"to the library", "图书馆", 0},
    {"to the airport", "机场", 0}, {"to the cinema", "电影院", 0},
    {"to Beijing", "北京", 0},     {"to Shanghai", "上海", 0},
    {"to China", "中国", 0},       {"to France", "法国", 0},
};

/* kind 1: far enough for a plane. */
static const phrase vehicles[] = {
    {"by bus", "坐公共汽车", 0},   {"by train", "坐火车", 0},
    {"by bicycle", "骑自行车", 0}, {"by car", "开车", 0},
    {"by taxi", "坐出租车", 0},
};

static const phrase spots[] = {
    {"on the table", "桌子上", 0},       {"under the table", "桌子下面", 0},
    {"on the chair", "椅子上", 0},       {"under the chair", "椅子下面", 0},
    {"in the box", "盒子里", 0},         {"in the room", "房间里", 0},
    {"in the garden", "花园里", 0},      {"on the bed", "床上", 0},
    {"under the tree", "树下", 0},       {"in front of the house", "房子前面", 0},
    {"behind the house", "房子后面", 0}, {"next to the door", "门旁边", 0},
};

/* What lies or stands about. */
static const int movable[] = {BOOK,   NOVEL,    LETTER, APPLE, ORANGE, CUP,    SHIRT,
                              TICKET, UMBRELLA, CAT,    DOG,   BIRD,   FLOWER, CHAIR};
static const int ownable[] = {BOOK,  BICYCLE,  CAR,   CAT,    DOG,   HORSE,
                              HOUSE, UMBRELLA, CHILD, TICKET, TABLE, CUP};
static const int givable[] = {BOOK,   LETTER,   APPLE,  ORANGE, CUP,    SHIRT,
                              TICKET, UMBRELLA, FLOWER, TEA,    COFFEE, DOG};

typedef struct owner {
    const char *en, *zh;
    bool pointing; /* this and that take the measure word */
} owner;
static const owner owners[] = {
    {"this", "这", true},     {"that", "那", true},       {"my", "我的", false},
    {"your", "你的", false},  {"his", "他的", false},     {"her", "她的", false},
    {"our", "我们的", false}, {"their", "他们的", false},
};

typedef struct quality {
    const char *en, *yes, *no, *ask;
    int of; /* bits of what it fits */
} quality;
enum { THING = 1, ANIMAL = 2, TEXT = 4, FOOD = 8, PERSON = 16, PRICED = 32 };
static const quality qualities[] = {
    {"big", "很大", "不大", "大", THING | ANIMAL},
    {"small", "很小", "不小", "小", THING | ANIMAL},
    {"expensive", "很贵", "不贵", "贵", PRICED},
    {"cheap", "很便宜", "不便宜", "便宜", PRICED},
    {"new", "很新", "不新", "新", THING},
    {"old", "很旧", "不旧", "旧", THING},
    {"beautiful", "很漂亮", "不漂亮", "漂亮", THING | ANIMAL},
    {"interesting", "很有意思", "没有意思", "有意思", TEXT},
    {"long", "很长", "不长", "长", TEXT},
    {"delicious", "很好吃", "不好吃", "好吃", FOOD},
};

/* Nouns that can be called something, with their bits. */
static const struct {
    int noun, is;
} described[] = {
    {BOOK, TEXT | PRICED},
    {NOVEL, TEXT},
    {LETTER, TEXT},
    {POEM, TEXT},
    {APPLE, FOOD},
    {ORANGE, FOOD},
    {FISH, FOOD | PRICED},
    {CUP, THING | PRICED},
    {SHIRT, THING | PRICED},
    {BICYCLE, THING | PRICED},
    {CAR, THING | PRICED},
    {CHAIR, THING | PRICED},
    {TABLE, THING | PRICED},
    {UMBRELLA, THING | PRICED},
    {HOUSE, THING | PRICED},
    {CAT, ANIMAL},
    {DOG, ANIMAL},
    {BIRD, ANIMAL},
    {HORSE, ANIMAL | PRICED},
    {FILM, TEXT},
};

static const quality moods[] = {
    {"busy", "很忙", "不忙", "忙", PERSON},
    {"tired", "很累", "不累", "累", PERSON},
    {"happy", "很高兴", "不高兴", "高兴", PERSON},
    {"hungry", "很饿", "不饿", "饿", PERSON},
    {"thirsty", "很渴", "不渴", "渴", PERSON},
    {"angry", "很生气", "不生气", "生气", PERSON},
};

typedef struct comparison {
    const char *more, *zh;
} comparison;
static const comparison comparisons[] = {
    {"taller", "高"},     {"younger", "年轻"}, {"busier", "忙"},
    {"stronger", "强壮"}, {"happier", "高兴"}, {"smarter", "聪明"},
};

/* Where people work, study, live; kind 1: after the verb in Chinese (住在). */
static const struct {
    verb v;
    const char *zh_before, *zh_after;
} stays[] = {
    {{"work in a hospital", "works in a hospital", "", "", ""}, "在医院", "工作"},
    {{"work in a bank", "works in a bank", "", "", ""}, "在银行", "工作"},
    {{"work in a school", "works in a school", "", "", ""}, "在学校", "工作"},
    {{"work in Beijing", "works in Beijing", "", "", ""}, "在北京", "工作"},
    {{"work in Shanghai", "works in Shanghai", "", "", ""}, "在上海", "工作"},
    {{"study in Beijing", "studies in Beijing", "", "", ""}, "在北京", "学习"},
    {{"study in Shanghai", "studies in Shanghai", "", "", ""}, "在上海", "学习"},
    {{"study in the library", "studies in the library", "", "", ""},
     "在图书馆",
     "学习"},
    {{"live in Beijing", "lives in Beijing", "", "", ""}, "", "住在北京"},
    {{"live in Shanghai", "lives in Shanghai", "", "", ""}, "", "住在上海"},
    {{"live in China", "lives in China", "", "", ""}, "", "住在中国"},
    {{"live in France", "lives in France", "", "", ""}, "", "住在法国"},
};

static const verb routines[] = {
    {"get up", "gets up", "got up", "", "起床"},
    {"go to bed", "goes to bed", "went to bed", "", "睡觉"},
    {"have breakfast", "has breakfast", "had breakfast", "", "吃早饭"},
    {"have lunch", "has lunch", "had lunch", "", "吃午饭"},
    {"have dinner", "has dinner", "had dinner", "", "吃晚饭"},
    {"go to work", "goes to work", "went to work", "", "上班"},
    {"come home", "comes home", "came home", "", "回家"},
};
static const phrase hours[] = {
    {"five", "五", 0}, {"six", "六", 0}, {"seven", "七", 0},    {"eight", "八", 0},
    {"nine", "九", 0}, {"ten", "十", 0}, {"eleven", "十一", 0}, {"twelve", "十二", 0},
};

static const phrase weathers[] = {
    {"it rains", "下雨", 0},
    {"it snows", "下雪", 0},
    {"it is cold", "很冷", 0},
    {"it is hot", "很热", 0},
};

#endif
