// SPDX-License-Identifier: MIT
/* top_screen.c - `memlane top` on a terminal; keys as in htop */
#include <locale.h>
#include <ncurses.h>
#include <stdlib.h>
#include <string.h>

#include "say.h"
#include "top_look.h"
#include "top_screen.h"

#define HEAD   3 /* lines above the first arena */
#define ESCAPE 27

enum {
	PLAIN,
	FULL,
	EMPTY,
	TITLE,
	CHOSEN
};

/**
 * struct screen - what is shown, and how
 * @look: the arenas
 * @order: of the lines
 * @inverted: the other way round
 * @paused: nothing is looked at
 * @chosen: line of the cursor
 * @first: line at the top
 * @detail: the chosen arena alone is shown
 * @help: the keys are shown
 * @typing: the filter is being typed
 * @filter: text that arenas have to have
 */
struct screen {
	struct top_look look;
	enum top_order order;
	bool inverted;
	bool paused;
	int chosen;
	int first;
	bool detail;
	bool help;
	bool typing;
	char filter[32];
};

static const char *const help[] = {
	"Up Down PgUp PgDn Home End   choose an arena",
	"Enter                        its counters, and back",
	"F6 >                         sort by the next column",
	"M P N                        sort by memory, by moves, by process",
	"I                            the other way round",
	"F4 \\                         only arenas with this text",
	"Z                            pause, and go on",
	"F1 h                         these keys",
	"F10 q                        end",
	"",
	"[|||::: 40%]  of what the lane may take now: objects, and empty places of spans",
	"MOVES/s objects that moved    VETO/s moves that a user stopped",
	"PAUSE/s threads that waited for a copy    PRESS used of what a lane may grow to",
};

static void begin(void)
{
	cbreak();
	noecho();
	keypad(stdscr, TRUE);
	curs_set(0);
	set_escdelay(25);
	if (!has_colors())
		return;
	start_color();
	use_default_colors();
	init_pair(FULL, COLOR_GREEN, -1);
	init_pair(EMPTY, COLOR_YELLOW, -1);
	init_pair(TITLE, COLOR_BLACK, COLOR_GREEN);
	init_pair(CHOSEN, COLOR_BLACK, COLOR_CYAN);
}

static int rows_shown(void)
{
	int rows = LINES - HEAD - 1;

	return rows > 0 ? rows : 1;
}

/* The cursor stays on a line that there is, and that line on the screen. */
static void scroll_to(struct screen *s)
{
	int last = s->look.nr_rows - 1;

	if (s->chosen > last)
		s->chosen = last;
	if (s->chosen < 0)
		s->chosen = 0;
	if (s->first > s->chosen)
		s->first = s->chosen;
	if (s->first < s->chosen - rows_shown() + 1)
		s->first = s->chosen - rows_shown() + 1;
}

static void put_whole(int y, const char *text, int pair, int attributes)
{
	attron(COLOR_PAIR(pair) | attributes);
	mvprintw(y, 0, "%-*.*s", COLS, COLS, text);
	attroff(COLOR_PAIR(pair) | attributes);
}

/* The characters of a bar say what they are. */
static void put_row(int y, const char *line)
{
	bool bar = false;
	int x, pair;

	for (x = 0; line[x] && x < COLS; x++) {
		bar = line[x] == '[' || (bar && line[x] != ']');
		pair = !bar ? PLAIN : line[x] == '|' ? FULL :
			      line[x] == ':'	     ? EMPTY :
						       PLAIN;
		mvaddch(y, x, (chtype)(unsigned char)line[x] | COLOR_PAIR(pair));
	}
}

static void draw_arenas(struct screen *s)
{
	char line[TOP_LINE];
	int i, y;

	scroll_to(s);
	top_titles(line);
	put_whole(HEAD - 1, line, TITLE, has_colors() ? 0 : A_REVERSE);
	for (i = s->first, y = HEAD; i < s->look.nr_rows && y < HEAD + rows_shown(); i++, y++) {
		top_line(&s->look.rows[i], line);
		if (i == s->chosen)
			put_whole(y, line, CHOSEN, has_colors() ? 0 : A_REVERSE);
		else
			put_row(y, line);
	}
}

static void draw_detail(const struct screen *s)
{
	const struct top_row *row = &s->look.rows[s->chosen];
	char line[TOP_LINE];
	int i;

	top_titles(line);
	put_whole(HEAD - 1, line, TITLE, has_colors() ? 0 : A_REVERSE);
	top_line(row, line);
	put_row(HEAD, line);
	for (i = 0; i < rows_shown() - 2 && top_detail(row, i, line); i++)
		mvaddnstr(HEAD + 2 + i, 2, line, COLS - 2);
}

static void draw_help(void)
{
	size_t i;

	for (i = 0; i < sizeof(help) / sizeof(*help); i++)
		mvaddnstr(HEAD + (int)i, 2, help[i], COLS - 2);
}

static void draw_foot(const struct screen *s)
{
	char line[TOP_LINE];

	if (s->typing)
		snprintf(line, sizeof(line), "Filter: %s_   Enter: done   Esc: all", s->filter);
	else
		snprintf(line, sizeof(line), "F1 Help  F4 Filter%s%s  F6 Sort: %s%s  %s  F10 Quit",
			 *s->filter ? ": " : "", s->filter, top_order_name[s->order],
			 s->inverted ? " (inverted)" : "", s->paused ? "Z Go on" : "Z Pause");
	put_whole(LINES - 1, line, CHOSEN, has_colors() ? 0 : A_REVERSE);
}

static void draw(struct screen *s)
{
	char line[TOP_LINE];

	erase();
	top_sums(s->look.rows, s->look.nr_rows, line);
	attron(A_BOLD);
	mvprintw(0, 0, "memlane top");
	attroff(A_BOLD);
	mvaddnstr(0, 13, line, COLS - 13);
	if (s->help)
		draw_help();
	else if (s->detail && s->look.nr_rows)
		draw_detail(s);
	else
		draw_arenas(s);
	draw_foot(s);
	refresh();
}

static void arrange(struct screen *s)
{
	s->look.nr_rows = s->look.n;
	top_sort(s->look.rows, s->look.nr_rows, s->order, s->inverted);
	s->look.nr_rows = top_filter(s->look.rows, s->look.nr_rows, s->filter);
}

static void type(struct screen *s, int key)
{
	size_t n = strlen(s->filter);

	if (key == ESCAPE)
		*s->filter = '\0';
	if (key == ESCAPE || key == '\n' || key == KEY_ENTER)
		s->typing = false;
	else if ((key == KEY_BACKSPACE || key == 127 || key == 8) && n)
		s->filter[n - 1] = '\0';
	else if (key >= ' ' && key < 127 && n < sizeof(s->filter) - 1)
		s->filter[n] = (char)key;
}

static void sort_by(struct screen *s, enum top_order order)
{
	s->order = order;
	s->inverted = false;
}

static void move_cursor(struct screen *s, int key)
{
	switch (key) {
	case KEY_UP:
		s->chosen--;
		break;
	case KEY_DOWN:
		s->chosen++;
		break;
	case KEY_PPAGE:
		s->chosen -= rows_shown();
		break;
	case KEY_NPAGE:
		s->chosen += rows_shown();
		break;
	case KEY_HOME:
		s->chosen = 0;
		break;
	case KEY_END:
		s->chosen = s->look.nr_rows;
		break;
	}
}

static void sort_key(struct screen *s, int key)
{
	switch (key) {
	case 'M':
		sort_by(s, TOP_BY_RESIDENT);
		break;
	case 'P':
		sort_by(s, TOP_BY_MOVES);
		break;
	case 'N':
		sort_by(s, TOP_BY_PID);
		break;
	case KEY_F(6):
	case '>':
		sort_by(s, (s->order + 1) % TOP_ORDERS);
		break;
	case 'I':
		s->inverted = !s->inverted;
		break;
	}
}

/* Return: false: the end. */
static bool press(struct screen *s, int key)
{
	if (s->typing) {
		type(s, key);
		return true;
	}
	switch (key) {
	case 'q':
	case KEY_F(10):
		return false;
	case 'h':
	case '?':
	case KEY_F(1):
		s->help = !s->help;
		break;
	case '\n':
	case KEY_ENTER:
		s->detail = !s->detail;
		break;
	case '\\':
	case KEY_F(4):
		s->typing = true;
		break;
	case 'Z':
		s->paused = !s->paused;
		break;
	default:
		move_cursor(s, key);
		sort_key(s, key);
	}
	return true;
}

static int show(struct screen *s, const char *at, unsigned int tenths, unsigned long times)
{
	bool again = true;
	int key, ret = 0;

	for (;;) {
		if (again && !s->paused) {
			ret = top_look(&s->look, at);
			if (ret)
				return ret;
		}
		arrange(s);
		draw(s);
		timeout((int)tenths * 100);
		key = getch();
		again = key == ERR;
		if (again && times && !--times)
			return 0;
		if (!again && !press(s, key))
			return 0;
	}
}

int top_screen(const char *at, unsigned int tenths, unsigned long times)
{
	struct screen s = { .order = TOP_BY_RESIDENT };
	SCREEN *terminal;
	int ret;

	ret = top_look(&s.look, at);
	if (ret)
		return ret;
	setlocale(LC_CTYPE, "");
	terminal = newterm(NULL, stdout, stdin);
	if (!terminal) {
		top_look_free(&s.look);
		return fail("the terminal \"%s\" is not known here; set TERM to one that is (TERM=xterm), or use memlane top -b",
			    getenv("TERM") ?: "");
	}
	begin();
	ret = show(&s, at, tenths, times);
	endwin();
	delscreen(terminal);
	/* What went wrong was said on a screen that is gone: it is said again. */
	if (ret)
		ret = top_look(&s.look, at);
	top_look_free(&s.look);
	return ret;
}
