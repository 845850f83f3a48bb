/* picture_svg.c - a picture as SVG text: words stay words (searchable, shaped and joined
 * by the reader's own fonts), each cut label carries the whole in <title>. */
#include "view/picture.h"

static void number(atti_str *s, const char *name, double v)
{
    char text[40];
    atti_text_number(text, v, 2);
    atti_str_addf(s, " %s=\"%s\"", name, text);
}

static void colour(atti_str *s, const char *name, int32_t c)
{
    if (c == ATTI_COLOUR_NONE)
        atti_str_addf(s, " %s=\"none\"", name);
    else
        atti_str_addf(s, " %s=\"#%06x\"", name, (unsigned)c);
}

static void stroke(atti_str *s, const atti_shape *h)
{
    if (h->stroke != ATTI_COLOUR_NONE) {
        colour(s, "stroke", h->stroke);
        if (h->line_width != 1) number(s, "stroke-width", h->line_width);
        if (h->dash > 0) atti_str_addf(s, " stroke-dasharray=\"%d\"", (int)h->dash);
    }
    if (h->alpha < 1) number(s, "opacity", h->alpha);
}

static void finish(atti_str *s, const atti_shape *h, const char *tag)
{
    if (!h->title) {
        atti_str_add(s, "/>\n");
        return;
    }
    atti_str_add(s, "><title>");
    atti_markup_add(s, h->title);
    atti_str_addf(s, "</title></%s>\n", tag);
}

static void points(atti_str *s, const atti_shape *h)
{
    char x[40], y[40];

    atti_str_add(s, "<path d=\"");
    for (size_t i = 0; i < h->n_points; i++) {
        atti_text_number(x, h->points[2 * i], 2);
        atti_text_number(y, h->points[2 * i + 1], 2);
        const char *op = i == 0 ? "M" : i > 1 ? " " : "L";
        if (h->kind == ATTI_SHAPE_CURVE && i == 1) op = "C";
        atti_str_addf(s, "%s%s %s", op, x, y);
    }
    atti_str_add(s, h->fill != ATTI_COLOUR_NONE ? "Z\"" : "\"");
    colour(s, "fill", h->fill);
    if (h->kind == ATTI_SHAPE_PATH && h->n_points > 2)
        atti_str_add(s, " stroke-linejoin=\"round\"");
    stroke(s, h);
    finish(s, h, "path");
}

static void text(atti_str *s, const atti_shape *h)
{
    char x[40], y[40], angle[40];

    if (!h->text || !*h->text) return;
    atti_str_add(s, "<text");
    if (h->angle != 0) {
        atti_text_number(x, h->x, 2);
        atti_text_number(y, h->y, 2);
        atti_text_number(angle, h->angle, 2);
        atti_str_addf(s, " transform=\"translate(%s %s) rotate(%s)\"", x, y, angle);
    } else {
        number(s, "x", h->x);
        number(s, "y", h->y);
    }
    number(s, "font-size", h->font);
    if (h->anchor == 0) atti_str_add(s, " text-anchor=\"middle\"");
    if (h->anchor > 0) atti_str_add(s, " text-anchor=\"end\"");
    if (h->bold) atti_str_add(s, " font-weight=\"bold\"");
    colour(s, "fill", h->fill);
    if (h->alpha < 1) number(s, "opacity", h->alpha);
    atti_str_add(s, ">");
    if (h->title) {
        atti_str_add(s, "<title>");
        atti_markup_add(s, h->title);
        atti_str_add(s, "</title>");
    }
    atti_markup_add(s, h->text);
    atti_str_add(s, "</text>\n");
}

static void frame(atti_str *s, const atti_shape *h)
{
    number(s, "x", h->x);
    number(s, "y", h->y);
    number(s, "width", h->w);
    number(s, "height", h->h);
}

static void image(atti_str *s, const atti_shape *h)
{
    atti_str png = {0};

    atti_png_cells(&png, h);
    if (png.status != ATT_OK && s->status == ATT_OK) s->status = png.status;
    atti_str_add(s, "<image preserveAspectRatio=\"none\" "
                    "style=\"image-rendering:pixelated\"");
    frame(s, h);
    atti_str_add(s, " href=\"data:image/png;base64,");
    if (png.status == ATT_OK) atti_base64_add(s, png.data, png.len);
    atti_str_add(s, "\"");
    finish(s, h, "image");
    atti_str_deinit(&png);
}

att_status atti_svg_write(atti_str *s, const att_picture *p)
{
    char w[40], h[40];

    atti_text_number(w, p->width, 0);
    atti_text_number(h, p->height, 0);
    atti_str_addf(
        s,
        "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%s\" height=\"%s\" "
        "viewBox=\"0 0 %s %s\" font-family=\"'DejaVu Sans',Verdana,"
        "'Noto Sans','Noto Sans CJK SC','WenQuanYi Micro Hei','PingFang SC',"
        "'Microsoft YaHei',sans-serif\" xml:space=\"preserve\" role=\"img\">\n",
        w, h, w, h);
    if (p->title) {
        atti_str_add(s, "<title>");
        atti_markup_add(s, p->title);
        atti_str_add(s, "</title>\n");
    }
    atti_str_addf(s, "<rect width=\"%s\" height=\"%s\" fill=\"#%06x\"/>\n", w, h,
                  (unsigned)p->paper);
    for (size_t i = 0; i < p->n; i++) {
        const atti_shape *shape = &p->shapes[i];
        switch (shape->kind) {
        case ATTI_SHAPE_RECT:
            atti_str_add(s, "<rect");
            frame(s, shape);
            if (shape->radius > 0) number(s, "rx", shape->radius);
            colour(s, "fill", shape->fill);
            stroke(s, shape);
            finish(s, shape, "rect");
            break;
        case ATTI_SHAPE_PATH:
        case ATTI_SHAPE_CURVE: points(s, shape); break;
        case ATTI_SHAPE_TEXT: text(s, shape); break;
        default: image(s, shape);
        }
    }
    atti_str_add(s, "</svg>\n");
    return s->status;
}
