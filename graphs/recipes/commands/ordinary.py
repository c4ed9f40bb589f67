"""Short words that everybody knows, on which a slip of the fingers must not land: it would be another word, no slip."""

from __future__ import annotations

import re
from typing import Final

from agents.offline.words import STOP

ORDINARY: Final = STOP | frozenset(
    re.findall(
        r"\S+",
        """
        able acid act add age aged ago aid aim air ale alert all aloud also alter and angle ankle ant any ape
        api app arc are area ark arm army art ash ask ate away awe axe baby back bad bag bake bald ball ban band
        bank bar bare bark barn base bat bath bay bead beam bean bear beard beat bed bee been beep beer beg
        begin being bell below belt bend bent best bet bid big bike bill bin bind bird bit bite blank
        blast blend block blow blue bmp boa boar board boat body bog boil bold bolt bond bone book boom boot
        bore born boss both bow bowl box boy brand bread break brief bring broad brush bud bug build built bulb
        bulk bull bump bun bunch burn bury bus bush busy but buy cab cage cake call calm came camp can cane cap
        car card care carry cart case cash cast cat catch cave cell chain chair chase chat cheap check chef
        chest chew child chin chip chop cite city claim clap clay clean clear click climb clip clock close cloud
        club clue coal coast coat coats cod code cog coil coin cold come con cone cook cool cop cope copy cord
        core cork corn cost cot count court cover cow cpu crab crack crash cream crew crime crop cross crow
        crown cry csv cub cube cue cup cure curl cut dam dance dare dark data date dawn day dead deaf deal dear
        death debt deck deed deep deer den desk dew diary did die diet dig dim din dine dip dirt dish disk dive
        dns dock does dog doing don done door dose dot doubt down draft drag drain draw dream dress drift drink
        drive drop drum dry dual duck due duet dug dull dump dust duty dye each ear early earn earth ease east
        easy eat ebb edge edit egg ego eight elf elm else empty end enemy enjoy enter equal era error eve even
        event ever every evil ewe exact exist exit extra eye face fact fade fail fair faith fake fall false fame
        fan far fare farm fast fat fate fault fear fed fee feed feel feet fell felt few fiber field fiend fig
        fight file fill film fin final find fine fir fire firm first fish fit five fix flag flash flat flaw flea
        flee fleet flew flip float floor flow flu fluid fly foal foam focus foe fog fold folk food fool foot for
        force ford fore fork form fort foul found four fox frame free fresh from front fruit fry ftp fuel full
        fun fund fur game gap gas gate gave gaze gear gel gem get gif gift gin girl git give glad glow glue goal
        goat god goes gold golf gone good got gown gpu grab grade grain grant grass gray great green grew grey
        grid grin grip group grow guard guess guest guide gulf gum gun gut guy gym had hair half hall halt ham
        hand hang hard harm hat hate have hawk hay head heal heap hear heard heart heat heavy heel held help hem
        hen hence her herb herd here hero hid hide high hike hill him hint hip hire his hit hold hole holy home
        hood hook hop hope horn horse hose host hot hotel hour house how hub hug huge human hunt hurt hut ice
        idea idle ill image inch index ink inn inner input into ion iron issue item its ivy jail jam jar jaw jet
        job jog join joint joke joy jpg judge jug jump just keen keep kept key kick kid kill kin kind king kiss
        kit kite knee knew knit knot know known lab label lace lack lad lady lag laid lake lamb lamp land lane
        lap large last late later laugh law lawn lay layer lazy lead leaf leak lean leap learn lease least leave
        led left leg legal lend lens less let level lib lid lie lift light like lime limit limp line link lion
        lip list lists lit live load loaf loan local lock log logic logo lone long look loop loose lord lose
        loss lost lot loud love low lower luck lucky lump lunch lung mad made maid mail main major make maker
        male mall man many map march mare mark mask mass mat match mate math may maybe maze meal mean meat meet
        melt men menu mere mess met metal meter mid might mild mile milk mill mind mine minor mint miss mist mix
        moan mob mode model mole mom money month mood moon mop more moss most moth mount mouse mouth move movie
        much mud mug mule music must myth nail name nap navy near neat neck need nest net never new news next
        nice night nil nine nod node noise none noon nor north nose not note novel now nurse nut oak oar oat
        occur ocean odd odds off offer often oil old older once one only onto open opt oral orb order ore other
        our out outer oven over owe owl own owner pace pack pad page paid pail pain paint pair pal pale palm pan
        panel paper par park part party pass past pat patch path pave paw pay pdf pea peace peak pear peel peer
        peg pen per pet phase phone photo php pick pie piece pier pig pile pill pilot pin pine pink pint pipe
        pit place plain plan plane plant plate play plea plot plow plug plus ply png pod poem poet point pole
        poll pond pony pool poor pop pore pork port pose post pot pound pour power pray press prey price pride
        prime print prior prize pro proof prop proud prove pub pull pump pun pup pure push put queen quick quiet
        quit quite quiz quote race rack radio raft rag rage raid rail rain raise ram ran range rank rap rapid
        rare rat rate ratio raw ray reach read ready real reap rear red refer rent reply rest rib rice rich rid
        ride rider rig right rim ring riot rip ripe rise risk river road roam roar rob robe rock rod role roll
        rom roof room root rope rose rot rough round route row royal rub rug ruin rule rum run rush rust rye sad
        safe sag said sail sake sale salt same sand sane sat save saw say scale scan scar scene score sea seal
        seam seat see seed seek seem seen self sell send sense sent serve set seven sew shall shape share sharp
        she shed sheet shelf shell shift shine ship shirt shock shoe shoot shop shore short shot show shown shut
        shy sick side sigh sight sign silk sin since sing sink sip sir sit site six size ski skill skin skip sky
        slab slap sleep slid slide slim slip slot slow slum sly small smart smile smoke snap snow soak soap soar
        sob sock sod soft soil sold sole solid solve some son song soon sore sorry sort soul sound soup sour
        south sow soy spa space span spare speak speed spend spin spit split spoke sport spot spy sql src ssh
        ssl staff stage stair stand star stare start state stay steal steam steel stem step stew stick still
        stir stock stone stop store storm story strip study stuff style such sugar suit sum sun sung sunk sure
        svg swan swap sweet swim swing tab table tag tail take taken tale talk tall tame tan tank tap tape tar
        task taste tax taxi tcp tea teach team tear teem tell ten tend tent term test text than thank that the
        their them theme then there these they thick thin thing think third this those three throw tide tidy tie
        tied tight tile till time tin tiny tip tire tired title tmp toad today toe toil told toll tomb ton tone
        too took tool top topic torn toss total touch tough tour tow tower town toy track trade trail train trap
        tray treat tree trend trial tribe trick trim trip truck true trust truth try tub tube tug tuna tune turn
        twice twin two txt type udp ugly under union unit until upon upper upset url urn usb use used user usual
        vain value van vary vast vat veil vein very vest vet via video view vim vine virus visit voice vote vow
        wage wait wake walk wall want war ward warm warn was wash wasp waste watch water wave wax way weak wear
        web wed weed week weigh well went were west wet what wheel when where which while whip white who whole
        whom whose why wide wife wig wild will win wind wine wing wink wipe wire wise wish wit with woe wolf
        woman won woo wood wool word wore work world worm worn worry worth would wound wrap write wrong xml yard
        yarn yeah year yes yet yml you young your zero zip zone zoo
        """,
    )
)
"""Words of three to five letters, endings of files among them: "png" is no slip of "ping"."""
