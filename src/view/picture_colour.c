/* picture_colour.c - palettes computed in the OKLab space, so that equal steps of a
 * weight look like equal steps of lightness. Lightness alone decides the order, in every
 * palette it only rises or only falls: greyscale print and colour-blind eyes lose hue
 * and keep the data. */
#include "view/picture.h"
#include <math.h>

#define DARK_BIT   8
#define SIGNED_BIT 16

/* OKLab to linear sRGB (B. Ottosson's published matrices), then the sRGB curve. */
static unsigned char srgb_byte(double linear)
{
    double v =
        linear <= 0.0031308 ? 12.92 * linear : 1.055 * pow(linear, 1 / 2.4) - 0.055;
    if (!(v > 0)) v = 0;
    if (v > 1) v = 1;
    return (unsigned char)(v * 255 + 0.5);
}

static int32_t from_oklab(double L, double a, double b)
{
    double l = L + 0.3963377774 * a + 0.2158037573 * b;
    double m = L - 0.1055613458 * a - 0.0638541728 * b;
    double s = L - 0.0894841775 * a - 1.2914855480 * b;
    l = l * l * l;
    m = m * m * m;
    s = s * s * s;
    int32_t r = srgb_byte(4.0767416621 * l - 3.3077115913 * m + 0.2309699292 * s);
    int32_t g = srgb_byte(-1.2684380046 * l + 2.6097574011 * m - 0.3413193965 * s);
    int32_t c = srgb_byte(-0.0041960863 * l - 0.7034186147 * m + 1.7076147010 * s);
    return r << 16 | g << 8 | c;
}

int32_t atti_palette(const att_view_opts *opts)
{
    return opts->colours | (opts->dark ? DARK_BIT : 0);
}

int32_t atti_palette_of(const att_view_opts *opts, double lo)
{
    /* Dusk is one rise from the lowest to the highest and needs no second hue. */
    bool two = lo < 0 && opts->colours != ATT_COLOURS_DUSK;
    return atti_palette(opts) | (two ? SIGNED_BIT : 0);
}

/* Paper at 0; as dark on both sides for the same size, so that grey print keeps sizes and
 * the frames of the cells keep the sign. */
static int32_t signed_at(int32_t palette, double f)
{
    int32_t one = palette & ~SIGNED_BIT;
    if (f >= 0.5 || (one & ~DARK_BIT) == ATT_COLOURS_GREY)
        return atti_colour_at(one, fabs(2 * f - 1));
    double s = 1 - 2 * f, chroma = 0.42 * s * (1 - s);
    if (one & DARK_BIT)
        return from_oklab(0.225 + 0.715 * s, 0.55 * chroma, 0.8 * chroma);
    return from_oklab(1 - 0.74 * s, 0.55 * chroma + 0.035 * s, 0.8 * chroma + 0.05 * s);
}

int32_t atti_colour_at(int32_t palette, double f)
{
    bool dark = (palette & DARK_BIT) != 0;
    double L, a, b;

    if (!(f > 0)) f = 0;
    if (f > 1) f = 1;
    if (palette & SIGNED_BIT) return signed_at(palette, f);
    switch (palette & ~DARK_BIT) {
    case ATT_COLOURS_DUSK:
        /* A straight line from blue to yellow through grey: red-green blindness sees
         * the same colours, the blue-yellow kind still sees the lightness. */
        L = 0.25 + 0.68 * f;
        a = 0.005 - 0.025 * f;
        b = -0.115 + 0.275 * f;
        break;
    case ATT_COLOURS_GREY:
        L = dark ? 0.22 + 0.77 * f : 1 - 0.82 * f;
        a = b = 0;
        break;
    default: {
        /* No weight is the paper itself; hue stays blue, chroma swells in the middle. */
        double chroma = 0.42 * f * (1 - f);
        L = dark ? 0.225 + 0.715 * f : 1 - 0.74 * f;
        a = -0.25 * chroma - (dark ? 0.004 : 0.012 * f);
        b = -chroma - (dark ? 0.012 * (1 - f) : 0.075 * f);
    }
    }
    return from_oklab(L, a, b);
}

void atti_colour_table(unsigned char rgb[768], int32_t palette)
{
    for (int i = 0; i < 256; i++) {
        int32_t c = atti_colour_at(palette, i / 255.0);
        rgb[3 * i] = (unsigned char)(c >> 16 & 255);
        rgb[3 * i + 1] = (unsigned char)(c >> 8 & 255);
        rgb[3 * i + 2] = (unsigned char)(c & 255);
    }
}

static double linear(int32_t byte)
{
    double v = byte / 255.0;
    return v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4);
}

double atti_luminance(int32_t c)
{
    return 0.2126 * linear(c >> 16 & 255) + 0.7152 * linear(c >> 8 & 255) +
           0.0722 * linear(c & 255);
}

int32_t atti_colour_on(int32_t c)
{
    double y = atti_luminance(c);
    /* The better of the two contrast ratios (1.05 / (y + .05) against (y + .05) / .05). */
    return (y + 0.05) * (y + 0.05) > 1.05 * 0.056 ? 0x14181d : 0xffffff;
}

int32_t atti_colour_series(int64_t i, bool dark)
{
    /* Hue steps by the golden angle; lightness alternates so that neighbours differ
     * without hue as well. */
    static const double light_of[3] = {0.50, 0.66, 0.36};
    double hue = 4.4 + 2.39996322973 * (double)(i % 360);
    double L = light_of[i % 3] + (dark ? 0.26 : 0);
    double chroma = 0.125;
    return from_oklab(L, chroma * cos(hue), chroma * sin(hue));
}

int32_t atti_colour_mix(int32_t a, int32_t b, double f)
{
    int32_t out = 0;
    if (!(f > 0)) f = 0;
    if (f > 1) f = 1;
    for (int shift = 16; shift >= 0; shift -= 8) {
        int32_t x = a >> shift & 255, y = b >> shift & 255;
        out |= (int32_t)(x + (y - x) * f + 0.5) << shift;
    }
    return out;
}
