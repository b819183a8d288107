"""The tables behind the offline teacher, written by hand. {x} is the text, {X} the text with a capital letter.

Longer than other modules: it is a table.
"""
# ruff: noqa: SIM905 (word lists are easier to read and to mend as text)

from __future__ import annotations

# Before any statement. A colon, dash or full stop leaves the text's own grammar alone, so these fit fragments as well.
OPENERS = (
    "Breaking news: {X}",
    "Update: {X}",
    "Mood: {x}",
    "Note to self: {x}",
    "Today's headline: {X}",
    "Guess what: {x}",
    "FYI: {x}",
    "Attention everyone: {x}",
    "In short: {x}",
    "Current status: {x}",
    "For the record: {x}",
    "News from the group chat: {x}",
    "All I can say is this: {x}",
    "One more thing: {x}",
    "Reminder: {x}",
    "Message of the day: {x}",
    "Dear diary: {x}",
    "Big announcement: {x}",
    "Just saying: {x}",
    "What I mean is: {x}",
    "Quick update from me: {x}",
    "Here it comes: {x}",
    "Caption this: {x}",
    "Word on the street: {x}",
    "Hear me out: {x}",
    "Listen up! {X}",
    "Hey you! {X}",
    "Psst... {x}",
    "Did you hear? {X}",
    "You know what? {X}",
    "Ready for this? {X}",
    "Okay so, {x}",
    "Well, {x}",
    "Honestly, {x}",
    "Once again, {x}",
    "To be clear, {x}",
    "As I was saying, {x}",
    "Hello friends, {x}",
)

CLOSERS = (
    "{X}, folks",
    "{X}, just so you know",
    "{X}, no joke",
    "{X}, for real",
    "{X}, that's all",
    "{X}, over and out",
    "{X}, yes really",
    "{X}, and I mean it",
    "{X}, as they say",
    "{X}, if you ask me",
    "{X}, my friends",
    "{X}, to put it briefly",
    "{X}. You heard it here first",
    "{X}. Enough said",
    "{X}. Pass it on",
    "{X}. Tell everyone",
    "{X}. That's the whole message",
    "{X}. No further questions",
    "{X}. End of story",
    "{X}. What else is there to say",
    "{X}. I repeat, this is not a drill",
    "{X}. Thought you should know",
    "{X} #justsaying",
    "{X} #truestory",
    "{X} #nofilter",
    "{X}, right?",
    "{X} lol",
    "{X} tbh",
    "{X} haha",
)

FRAMES = (
    'When I say "{x}" you know what I mean',
    'How do I put it: "{x}"',
    'The sign on the door says "{x}"',
    'My whole day in a few words: "{x}"',
    'Somebody just texted me "{x}"',
    'The note on the fridge: "{x}"',
    'Subject line: "{x}"',
    'Did someone say "{x}"?',
    'Put this on a t-shirt: "{x}"',
    'In just a few words: "{x}"',
    'I keep saying it: "{x}"',
    'The group chat right now: "{x}"',
)

# Before a whole sentence, whoever it is about.
CLAUSES = (
    "I have to say, {x}",
    "The thing is, {x}",
    "Let's just say {x}",
    "I swear {x}",
    "I just wanted to say that {x}",
    "Not going to lie, {x}",
    "What can I say, {x}",
    "Believe it or not, {x}",
    "As of today, {x}",
    "Did I mention that {x}?",
)

# Before a whole sentence about somebody or something else.
REPORTS = (
    "Turns out {x}",
    "Looks like {x}",
    "Apparently {x}",
    "They say {x}",
    "I hear that {x}",
    "Everyone says {x}",
    "I can tell you that {x}",
    "Can you believe that {x}?",
    "Did you know that {x}?",
    "Rumor has it that {x}",
    "It seems {x}",
)

QUESTION_OPENERS = (
    "Quick question: {x}",
    "Honest question: {x}",
    "Just wondering: {x}",
    "Asking for a friend: {x}",
    "Tell me, {x}",
    "Hey, {x}",
    "Okay but {x}",
    "Serious question: {x}",
    "Question for everyone: {x}",
    "So, {x}",
    "I have to ask: {x}",
    "Be honest, {x}",
    "Let me ask you this: {x}",
    "Random thought: {x}",
)

QUESTION_CLOSERS = (
    "{X}? Anyone?",
    "{X}? Asking for a friend",
    "{X}? I need to know",
    "{X}? Please tell me",
    "{X}? Just curious",
    "{X}? Seriously",
    "{X}? Let me know",
    "{X}? Any ideas?",
    "{X}? Help me out here",
    "{X}? What do you think?",
)

# Before an order: a text that begins with one of IMPERATIVES.
ORDERS = (
    "Please {x}",
    "Don't forget: {x}",
    "Your mission today: {x}",
    "Would you please {x}?",
    "I repeat: {x}",
    "Be a hero and {x}",
    "Do me a favor and {x}",
    "It's time to {x}",
)

IMPERATIVES = frozenset(
    "send wake roll blame speedrun bring call check clean drop fix get go grab join keep leave let make meet open order"
    " pack pass pay pick play press pull push put read run save set ship shut start stop take tell throw try turn wait"
    " walk wash watch water write hide feed cook bake book release summon".split()
)

# The left side of each of these tables is a regular expression that is matched between word boundaries.

# Common words for which another one says the same; never the words that carry the meaning of an in-joke.
SYNONYMS = {
    "can't wait for": "am so ready for",
    "can't wait to": "am so ready to",
    "need to": "have to",
    "have to": "need to",
    "need a": "could use a",
    "i love": "I adore",
    "i really": "I truly",
    "very": "really",
    "amazing": "awesome",
    "awesome": "amazing",
    "delicious": "tasty",
    "beautiful": "gorgeous",
    "exhausted": "worn out",
    "hilarious": "so funny",
    "(?<!never )(?<!once )again$": "once more",
    "finally": "at last",
    "right now": "at this moment",
    "tonight": "this evening",
    "everyone": "everybody",
    "everybody": "everyone",
    "someone": "somebody",
    "anyone": "anybody",
    "kids": "children",
    "my kid": "my child",
    "kiddo": "my kid",
    "mum": "mom",
    "mom": "mum",
    "my dad": "my father",
    "granny": "grandma",
    "grandma": "granny",
    "grandpa": "granddad",
    "grandparents": "grandma and grandpa",
    "sister": "sis",
    "aunt": "auntie",
    "friends": "pals",
    "buddy": "pal",
    "movie": "film",
    "photo": "picture",
    "sofa": "couch",
    "crew": "gang",
    "team": "squad",
    "the boss": "the manager",
    "dinner": "supper",
    "whole": "entire",
    "before any": "ahead of any",
    "under the": "underneath the",
    "movie marathon": "movie binge",
    "any meeting": "any call",
    "has started": "has begun",
    "found the": "discovered the",
    "never happened": "never took place",
    "is down": "is not working",
    "so angry": "so furious",
    "too many": "way too many",
    "secret": "top secret",
    "at the gym": "in the gym",
    "assemble": "gather round",
    "is coming": "is on its way",
    "achieved": "accomplished",
    "another": "one more",
    "every day": "daily",
    "a lot of": "plenty of",
    "thanks": "thank you",
    "congratulations": "congrats",
    "hello": "hi",
    "great": "fantastic",
    "huge": "enormous",
    "tiny": "very small",
    "weird": "strange",
    "scared": "frightened",
    "gift": "present",
    "couldn't": "could not",
}

CONTRACTIONS = {
    "i am": "I'm",
    "it is": "it's",
    "that is": "that's",
    "is not": "isn't",
    "do not": "don't",
    "cannot": "can't",
    "will not": "won't",
    "did not": "didn't",
    "i'm": "I am",
    "don't": "do not",
    "can't": "cannot",
    "won't": "will not",
    "isn't": "is not",
    "didn't": "did not",
    "we're": "we are",
    "they're": "they are",
    "you're": "you are",
    "let's": "let us",
    "i've": "I have",
    "i'll": "I will",
}

TEXTING = {
    "you(?!['’])": "u",
    "your": "ur",
    "are": "r",
    "and": "&",
    "with": "w/",
    "before": "b4",
    "tonight": "2nite",
    "tomorrow": "tmrw",
    "today": "2day",
    "please": "pls",
    "because": "bc",
    "people": "ppl",
    "weekend": "wknd",
    "minutes": "mins",
    "birthday": "bday",
    "really": "rly",
    "great": "gr8",
    "meeting": "mtg",
    "thanks": "thx",
    "love": "luv",
    "night": "nite",
    "something": "smth",
    "though": "tho",
    "monday": "mon",
    "saturday": "sat",
    "tuesday": "tue",
    "friday": "fri",
    "(?<!no )one": "1",
    "two": "2",
    "three": "3",
    "five": "5",
    "nine": "9",
    "until": "til",
    "going to": "gonna",
    "want to": "wanna",
    "favorite": "fave",
    "family": "fam",
    "definitely": "def",
    "about": "abt",
}

# Dropped when a text is shortened as for a telegram. Prepositions and negations are not here: they are meaning.
TELEGRAM_DROPS = frozenset(
    "a an the is are was were be am i i'm it's this that these my our your his her their its just very really".split()
)

# Words with which no phrase ends well.
FUNCTION_WORDS = frozenset(
    "a an the is are was were be been am i'm it's it that this these those to of in on at for from with my our your"
    " his her their its and so just very really has have had will would can could do does did i we you they he she me"
    " us them him there".split()
)

# Words that may lose their capital inside a sentence. Others may be names, so they keep it.
COMMON_FIRST_WORDS = (
    FUNCTION_WORDS
    | IMPERATIVES
    | frozenset(
        "about after all always another any as because before between both but by cannot can't couldn't don't didn't"
        " during every everyone everybody everything few finally first for happy hello hi how if isn't let's lots many"
        " maybe more most need never new next no nobody not nothing now old once one only or out over please proud same"
        " she's he's they're we're you're that's there's what's some someone something still such thanks thank then"
        " time today tomorrow tonight too two three four five under until up what when where which who why without"
        " won't yes good great best big little small long hot cold late early sad tired lost found got feeling"
        " getting going having learning looking making taking trying waiting watching"
        " working reading cooking baking playing eating"
        " coffee tea lunch dinner breakfast pancakes pizza ramen sushi croissants ice bubble mango cake bread burnt"
        " homesick butterflies leg band road game movie family kids friends weekend winter summer spring autumn fall"
        " work production code merge inbox payday standup purple secret cozy level pirate pride carnival nurse"
        " grandparents thumbs high birthday party music dog cat baby school gym beach rain snow".split()
    )
)
