using VaccineRef.Experiments.Data;

namespace VaccineRef.Experiments.Tests.Data;

/// <summary>
/// Files that xz 5.4, zstd 1.5, gzip 1.12 and Python's lzma wrote, and what is left of them when they are damaged.
/// </summary>
public sealed class CompressionTests
{
    private const int Rows = 40;

    public static TheoryData<string, string, string> Samples => new()
    {
        {
            "xz none", "a.jsonl.xz",
            "/Td6WFoAAAD/EtlBAgAhARYAAAB0L+Wj4AHzAGVdAD2IiSckOFZlD4YTXI5kYngsAlPePeapjOdo/F9qW0I5qViPtEAS1x0BCubfC42MHdKWvh"
            + "bmxi90akEjuMLlJRzvMZe/zcwZqpLA18jClsesFb14AsqWF488CinEyUxN+WkIingAAAAAAAIAIQEWAAAAdC/lo+AB8wBoXQA5nQqN6CGmPMnj"
            + "ak8ZCjCRFvyPYltHcZzG7Tfs+GGjgvw9YMRY0ICsSGMKEuD1WyvhKd5wFCCjED5CU97ld0lDFlrMBM+UQsLOJb2UfiRo6zXCpIoc8TMzQPTbes"
            + "6R6xWUL9BptXUXAAACACEBFgAAAHQv5aPgAfMAal0AN51K1kf2Fj1Pz/PDlGQtPN1TKBWtIMWl41qa085QToun3b/2FxejSH6tDGiRrsxQoF/0"
            + "AxOQ/Fb/QJKK71M/b2AFrmXlL74c+PwCB2tIZxAhJi5SnedwXkJYaTzyqpXL+isDldMAc+UAAAAAAAIAIQEWAAAAdC/lo+AB8wBuXQARE4gm00"
            + "09jD/rGHr6EXM+aVp90rBft9YVKpSb6RFxJAgSFsqOhJIpup3u/4wy6SyYbVOWUy8ky7TART3hnAjaXkW4tXqHwm6cSbdfe2jrZX8LjpeWO93u"
            + "Kp7OZ/PS5vgPSDzgDhVkpys71MFvUAAAAAIAIQEWAAAAdC/lo+AAPwA8XQARDoAhZkbaUbjh/UXDxfqaTx3V7TfSbtucBbxEsHkQUOqy5l6cIG"
            + "rO8adZVKBw10g4SOvannL5Q9crScAAAAV59AN89AN+9AOCAfQDUEAAAADM7uIkEDAP4QUAAAAAAFla"
        },
        {
            "xz crc32", "a.jsonl.xz",
            "/Td6WFoAAAFpIt42AgAhARYAAAB0L+Wj4AHzAGVdAD2IiSckOFZlD4YTXI5kYngsAlPePeapjOdo/F9qW0I5qViPtEAS1x0BCubfC42MHdKWvh"
            + "bmxi90akEjuMLlJRzvMZe/zcwZqpLA18jClsesFb14AsqWF488CinEyUxN+WkIingAAAAAACTK7eICACEBFgAAAHQv5aPgAfMAaF0AOZ0Kjegh"
            + "pjzJ42pPGQowkRb8j2JbR3Gcxu037Phho4L8PWDEWNCArEhjChLg9Vsr4SnecBQgoxA+QlPe5XdJQxZazATPlELCziW9lH4kaOs1wqSKHPEzM0"
            + "D023rOkesVlC/QabV1FwAAaMZM2QIAIQEWAAAAdC/lo+AB8wBqXQA3nUrWR/YWPU/P88OUZC083VMoFa0gxaXjWprTzlBOi6fdv/YXF6NIfq0M"
            + "aJGuzFCgX/QDE5D8Vv9AkorvUz9vYAWuZeUvvhz4/AIHa0hnECEmLlKd53BeQlhpPPKqlcv6KwOV0wBz5QAAAAAA1v3ZFQIAIQEWAAAAdC/lo+"
            + "AB8wBuXQARE4gm0009jD/rGHr6EXM+aVp90rBft9YVKpSb6RFxJAgSFsqOhJIpup3u/4wy6SyYbVOWUy8ky7TART3hnAjaXkW4tXqHwm6cSbdf"
            + "e2jrZX8LjpeWO93uKp7OZ/PS5vgPSDzgDhVkpys71MFvUAAAANCs3qACACEBFgAAAHQv5aPgAD8APF0AEQ6AIWZG2lG44f1Fw8X6mk8d1e030m"
            + "7bnAW8RLB5EFDqsuZenCBqzvGnWVSgcNdIOEjr2p5y+UPXK0nAAMX2Mv8ABX30A4AB9AOCAfQDhgH0A1RAAGjF2GCGAAiWBQAAAAABWVo="
        },
        {
            "xz crc64", "a.jsonl.xz",
            "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AHzAGVdAD2IiSckOFZlD4YTXI5kYngsAlPePeapjOdo/F9qW0I5qViPtEAS1x0BCubfC42MHdKWvh"
            + "bmxi90akEjuMLlJRzvMZe/zcwZqpLA18jClsesFb14AsqWF488CinEyUxN+WkIingAAAAAABHEVbc2qXtoAgAhARYAAAB0L+Wj4AHzAGhdADmd"
            + "Co3oIaY8yeNqTxkKMJEW/I9iW0dxnMbtN+z4YaOC/D1gxFjQgKxIYwoS4PVbK+Ep3nAUIKMQPkJT3uV3SUMWWswEz5RCws4lvZR+JGjrNcKkih"
            + "zxMzNA9Nt6zpHrFZQv0Gm1dRcAAILtBBEBcIgcAgAhARYAAAB0L+Wj4AHzAGpdADedStZH9hY9T8/zw5RkLTzdUygVrSDFpeNamtPOUE6Lp92/"
            + "9hcXo0h+rQxoka7MUKBf9AMTkPxW/0CSiu9TP29gBa5l5S++HPj8AgdrSGcQISYuUp3ncF5CWGk88qqVy/orA5XTAHPlAAAAAACzwYu0oiQI+w"
            + "IAIQEWAAAAdC/lo+AB8wBuXQARE4gm0009jD/rGHr6EXM+aVp90rBft9YVKpSb6RFxJAgSFsqOhJIpup3u/4wy6SyYbVOWUy8ky7TART3hnAja"
            + "XkW4tXqHwm6cSbdfe2jrZX8LjpeWO93uKp7OZ/PS5vgPSDzgDhVkpys71MFvUAAAAAemABRZhD3qAgAhARYAAAB0L+Wj4AA/ADxdABEOgCFmRt"
            + "pRuOH9RcPF+ppPHdXtN9Ju25wFvESweRBQ6rLmXpwgas7xp1lUoHDXSDhI69qecvlD1ytJwAAGs/tk5xdRYgAFgQH0A4QB9AOGAfQDigH0A1hA"
            + "UiUpEwn0YuYFAAAAAARZWg=="
        },
        {
            "xz sha256", "a.jsonl.xz",
            "/Td6WFoAAArh+wyhAgAhARYAAAB0L+Wj4AHzAGVdAD2IiSckOFZlD4YTXI5kYngsAlPePeapjOdo/F9qW0I5qViPtEAS1x0BCubfC42MHdKWvh"
            + "bmxi90akEjuMLlJRzvMZe/zcwZqpLA18jClsesFb14AsqWF488CinEyUxN+WkIingAAAAAAF3qDfLoxKvFe/S1lcFciT/DulMS2PCv12l2Yvdz"
            + "b/uXAgAhARYAAAB0L+Wj4AHzAGhdADmdCo3oIaY8yeNqTxkKMJEW/I9iW0dxnMbtN+z4YaOC/D1gxFjQgKxIYwoS4PVbK+Ep3nAUIKMQPkJT3u"
            + "V3SUMWWswEz5RCws4lvZR+JGjrNcKkihzxMzNA9Nt6zpHrFZQv0Gm1dRcAALy5IFNtfa0D68iZovp+8jfOBQGU+u+Hi+qN+qkBvfnqAgAhARYA"
            + "AAB0L+Wj4AHzAGpdADedStZH9hY9T8/zw5RkLTzdUygVrSDFpeNamtPOUE6Lp92/9hcXo0h+rQxoka7MUKBf9AMTkPxW/0CSiu9TP29gBa5l5S"
            + "++HPj8AgdrSGcQISYuUp3ncF5CWGk88qqVy/orA5XTAHPlAAAAAADv7JZ++7RqcwZ2GmEBcYEV/TuwfJqrofnudR3+uLz1KQIAIQEWAAAAdC/l"
            + "o+AB8wBuXQARE4gm0009jD/rGHr6EXM+aVp90rBft9YVKpSb6RFxJAgSFsqOhJIpup3u/4wy6SyYbVOWUy8ky7TART3hnAjaXkW4tXqHwm6cSb"
            + "dfe2jrZX8LjpeWO93uKp7OZ/PS5vgPSDzgDhVkpys71MFvUAAAAKqGVXK/GnnWi9N4eSYo2krOJwvJV2bh9MnivSGHS6YOAgAhARYAAAB0L+Wj"
            + "4AA/ADxdABEOgCFmRtpRuOH9RcPF+ppPHdXtN9Ju25wFvESweRBQ6rLmXpwgas7xp1lUoHDXSDhI69qecvlD1ytJwABUuJR5Ax4i5bhyY8rZvd"
            + "wI7yyPwT/KKCokwbb3PteiggAFmQH0A5wB9AOeAfQDogH0A3BA8R3r/Q7Z2gEFAAAAAApZWg=="
        },
        {
            "xz two streams with padding", "a.jsonl.xz",
            "/Td6WFoAAATm1rRGAgAhARYAAAB0L+Wj4AQrAJ1dAD2IiSckOFZlD4YTXI5kYngsAlPePeapjOdo/F9qW0I5qViPtEAS1x0BCubfC42MHdKWvh"
            + "bmxi90akEjuMLlJRzvMZe/zcwZqpLA18jClsesFb14AsqWF488CinEyUxN+Wl5/kYnDIEfjqxAq+pDW0xQWhOdEad2kdnl3XVhq2BA1BCGZyyl"
            + "MqSSXAEggswMd82L33TbQVNFBx4NJwAAAAAAUhskq42I1TQAAbkBrAgAANVIXsqxxGf7AgAAAAAEWVoAAAAAAAAAAP03elhaAAAK4fsMoQIAIQ"
            + "EWAAAAdC/lo+AD4wCdXQA9iIknJDhWZQ+GE1yOZGJ4LAJT3j3mqYznaPxfaltCwE8747d9gSspWdR9mTRVuil7O8sWkTnE7W9nWtqB8/YWEde+"
            + "6fmuMucuJkP01f9EuFwb0ttg0dgiC7ccSfC/N5sZKno6bxVa8ddEomhCXqZ47y+9elmEETR35u8mP5JgyrjNH3N82U+ZXmVYGu3HNMLf/Q2IDV"
            + "hii5TeRXIAAAAAAL/2rqJ94R2v9nOkzdMChgTCoU0q63BDJAyGkykjkrWfAAHRAeQHAAAN8gV7tunfHAIAAAAACllaAAAAAA=="
        },
        {
            "zstd", "a.jsonl.zst",
            "KLUv/WQQBwUHAFIKHhyAKc0BmpK0gCyFUn0GjrEQRW4pZUqOHHTjotIBRaLUli/8e+6+9rZu+pv+8vlC47GPz/l8zDZjucpl3HuWj4nHXNtl5b"
            + "3KtWmLWYdZ535mu1a+3BaJYlA6QOlQCEAJMARhFBjSQQwDwUAhAuU4FJBBQiCEo1ASAk+oIYR89r8DgKMkaQMSYBD44YyG4G8IirI+YKmWmw4J"
            + "AMQZcoEKudaAon3AzXtdfUd1kQq5X1Y6XTCXJQuhQOuXwNaAtBaFhV+U3vet7JvonY+V4y5QhR/J6piAwMNSZKr5aawCtGhGuw=="
        },
        {
            "zstd two frames", "a.jsonl.zst",
            "KLUv/WQsA10FALJGFhmAOW0aRdr45pTmMy4D4wtZSSllY9S+cUiFRWN3P7TmHjNtMhAake5X80fj2U57TXtDUxEi9TePdtHYqXVQa7EDsMAd5i"
            + "gkSzlHQhjYEZiyIMqwGIVQEEsEKSCAoyZtHcZnd8fR3REvwlZzGgFBZADnOnZsiBgxwsamiLg/4v3OwX4dpI8wvO0EjjqGN53A0TtW8YY7gcRR"
            + "x3DRHc50gt91jP7LeTaWAZaaPUYotS/9ZOQCpQQA8gcYFaDrNdj+Z8tz66ifJVkREWnfS/tu8kB0mPy769+6+rM5E1kZcdUVqqbCxEalXimu/7"
            + "p/rtWrOZt77SfregLR4e6l4VhrWGMuBSdgJgcxlLYkRCmIS8MtTMKO5rBnSQ4KJKgRkMW9/p8BwDMLBxH8Rk/4ZwTGB1SH6g2O1ZTCPchFDXAv"
            + "uzLukqppDKMDugqpApPKXKY="
        },
        {
            "zstd after a skippable frame", "a.jsonl.zst",
            "UCpNGAMAAAABAgMotS/9ZBAHBQcAUgoeHIApzQGakrSALIVSfQaOsRBFbillSo4cdOOi0gFFotSWL/x77r72tm76m/7y+ULjsY/P+XzMNmO5ym"
            + "Xce5aPicdc22Xlvcq1aYtZh1nnfma7Vr7cFoliUDpA6VAIQAkwBGEUGNJBDAPBQCEC5TgUkEFCIISjUBICT6ghhHz2vwOAoyRpAxJgEPjhjIbg"
            + "bwiKsj5gqZabDgkAxBlygQq51oCifcDNe119R3WRCrlfVjpdMJclC6FA65fA1oC0FoWFX5Te963sm+idj5XjLlCFH8nqmIDAw1JkqvlprAK0aE"
            + "a7"
        },
        {
            "gzip with a name", "a.jsonl.gz",
            "H4sICGhcDWsCA3NtYWxsAI2UMQ7CMAxFd05RZUYotpM04RDcAVAHBlpU2glxdwTjt8TvXD259n/5r3Abn8u8XpfbNIZjF07n+9CN6/0yzF08hH"
            + "0XpnV5rMv3Wwzv3esfIAAIAxSAxAADoDEg4S8VRmQgNDOiAGF0Ro970z0qEIWeqgFRaRqCgUvkkbvMlc/B2CXRbcRckPRm4sJvNBlx8fP8pThl"
            + "+BxUQCvfByUw5XdrTk7+KtGDxD1Q9CAlPsc9/0r3UfQgK72boge5p/koelC4B4oelA1z0IN+wz7oQb/hbq4OeD6GHjTugaEHjftmrg8iF9tcIU"
            + "T+gsw1gvCnatlVHHfBioN4+RjKIMZbzqpvU3491EHyr7c/N+jAaBAIAAA="
        },
    };

    [Theory]
    [MemberData(nameof(Samples))]
    public void What_other_programs_wrote_is_read(string what, string name, string base64)
    {
        using var file = new TempFile(name, Convert.FromBase64String(base64));
        var data = DataSet.Read(file.Path, TaskPreset.Alpaca);
        Assert.Equal(
            Enumerable.Range(0, Rows).Select(i => ($"Name number {i}.", $"{i * i}")),
            data.Examples.Select(row => (row.Instruction, row.Output)));
        Assert.StartsWith(what.Split(' ')[0], data.Source.Reader, StringComparison.Ordinal);
        Assert.Equal(
            Convert.ToHexStringLower(System.Security.Cryptography.SHA256.HashData(Convert.FromBase64String(base64))),
            data.Source.Sha256);
    }

    /// <summary>
    /// A file that was cut anywhere is refused, or, where it ends between two parts, read as far as it goes.
    /// </summary>
    [Theory]
    [MemberData(nameof(Samples))]
    public void What_is_cut_is_named(string what, string name, string base64)
    {
        byte[] whole = Convert.FromBase64String(base64);
        int read = 0;
        for (int length = 1; length < whole.Length; length += 17)
        {
            using var cut = new TempFile(name, whole[..length]);
            var error = Record.Exception(() => DataSet.Read(cut.Path, TaskPreset.Alpaca));
            Assert.True(error is null or DataException, $"{what}, {length} bytes: {error}");
            read += error is null ? 1 : 0;
        }

        Assert.InRange(
            read, 0, what.Contains("two", StringComparison.Ordinal)
                ? 5
                : what.Contains("zstd", StringComparison.Ordinal) ? 1 : 0);
    }

    /// <summary>Where the file has checksums, no byte of the content can change without being noticed.</summary>
    [Theory]
    [MemberData(nameof(Samples))]
    public void What_is_damaged_is_never_read_as_something_else(string what, string name, string base64)
    {
        byte[] whole = Convert.FromBase64String(base64);
        bool hasSums = what is not ("xz none" or "zstd two frames" or "zstd after a skippable frame");
        for (int at = 0; at < whole.Length; at += 13)
        {
            byte[] damaged = [.. whole];
            damaged[at] ^= 0x24;
            using var file = new TempFile(name, damaged);
            DataSet? data = null;
            var error = Record.Exception(() => data = DataSet.Read(file.Path, TaskPreset.Alpaca));
            Assert.True(error is null or DataException, $"{what}, byte {at}: {error}");
            if (hasSums && data is not null)
                Assert.Equal(
                    Enumerable.Range(0, Rows).Select(i => $"{i * i}"), data.Examples.Select(row => row.Output));
        }
    }

    /// <summary>xz may put a filter before LZMA2. It is named; the file is not broken.</summary>
    [Theory]
    [InlineData("x86", "/Td6WFoAAATm1rRGAgEEACEBFgANhjUfAQAgeyJpbnN0cnVjdGlvbiI6ImkiLCJvdXRwdXQiOiJvIn0KAAAAAOSg2kRAE0dkAAE5Ic8oa2IftvN9AQAAAAAEWVo=")]
    [InlineData("delta", "/Td6WFoAAATm1rRGAgEDAQAhARZ5IMTuAQAge6dHBQUB/gPuEfUG/7QY6Ee5CvZNBv/8Bf+uGOhNs1uNAAAAAOSg2kRAE0dkAAE5Ic8oa2IftvN9AQAAAAAEWVo=")]
    [InlineData("arm64", "/Td6WFoAAATm1rRGAgEKACEBFgB95z8lAQAgeyJpbnN0cnVjdGlvbiI6ImkiLCJvdXRwdXQiOiJvIn0KAAAAAOSg2kRAE0dkAAE5Ic8oa2IftvN9AQAAAAAEWVo=")]
    public void A_filter_of_xz_is_named(string filter, string base64)
    {
        using var file = new TempFile("a.jsonl.xz", Convert.FromBase64String(base64));
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Contains("filter", error.What, StringComparison.Ordinal);
        Assert.Contains($"found:    {filter}", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("a.jsonl.gz", "gzip")]
    [InlineData("a.jsonl.xz", "xz")]
    [InlineData("a.jsonl.zst", "zstd")]
    public void What_is_not_compressed_is_named(string name, string kind)
    {
        using var file = new TempFile(name, "{}");
        var error = Assert.Throws<DataException>(() => DataSet.Read(file.Path, TaskPreset.Alpaca));
        Assert.Equal("a data file is not what its name says", error.What);
        Assert.Contains(kind, error.Message, StringComparison.Ordinal);
    }
}
