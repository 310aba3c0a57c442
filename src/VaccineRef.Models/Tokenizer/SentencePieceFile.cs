namespace VaccineRef.Models.Tokenizer;

/// <summary>What a piece is, numbered as in sentencepiece_model.proto.</summary>
internal enum PieceKind
{
    Normal = 1, Unknown = 2, Control = 3, UserDefined = 4, Unused = 5, Byte = 6,
}

/// <summary>
/// A piece of a SentencePiece model; of two pieces that could be merged, the one of higher score comes first.
/// </summary>
internal readonly record struct Piece(string Text, float Score, PieceKind Kind);

/// <summary>
/// A SentencePiece <c>.model</c>: the parts of its ModelProto that decide ids and text, and the proto's defaults.
/// </summary>
internal sealed class SentencePieceFile
{
    private const ulong BytePairEncoding = 2;

    private ulong _modelType = 1;      // unigram, the proto's default

    public SentencePieceFile(byte[] bytes, string path)
    {
        var reader = new WireReader(bytes, path);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: Pieces.Add(ReadPiece(new WireReader(reader.Bytes(), path))); break;
                case 2: ReadTrainer(new WireReader(reader.Bytes(), path), path); break;
                case 3: ReadNormalizer(new WireReader(reader.Bytes(), path)); break;
                case 5: ReadDenormalizer(new WireReader(reader.Bytes(), path), path); break;
                default: reader.Skip(); break;
            }
        }
        if (_modelType != BytePairEncoding)
            throw Unsupported(path, "model_type", $"{_modelType}", "2 (BPE)");
        Check(path);
    }

    public List<Piece> Pieces { get; } = [];

    public bool ByteFallback { get; private set; }

    public string UnknownSurface { get; private set; } = " \u2047 ";

    public string BosPiece { get; private set; } = "<s>";

    public string EosPiece { get; private set; } = "</s>";

    public string PadPiece { get; private set; } = "<pad>";

    public bool AddDummyPrefix { get; private set; } = true;

    public bool RemoveExtraWhitespace { get; private set; } = true;

    public bool EscapeWhitespace { get; private set; } = true;

    /// <summary>The compiled normalisation rules; empty means none.</summary>
    public byte[] CharsMap { get; private set; } = [];

    private static Piece ReadPiece(WireReader reader)
    {
        var piece = new Piece("", 0, PieceKind.Normal);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1: piece = piece with { Text = reader.Text() }; break;
                case 2: piece = piece with { Score = reader.Float() }; break;
                case 3: piece = piece with { Kind = (PieceKind)reader.Varint() }; break;
                default: reader.Skip(); break;
            }
        }
        return piece;
    }

    private void ReadTrainer(WireReader reader, string path)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3: _modelType = reader.Varint(); break;
                case 24 when reader.Flag(): throw Unsupported(path, "treat_whitespace_as_suffix", "true", "false");
                case 24: break;
                case 35: ByteFallback = reader.Flag(); break;
                case 44: UnknownSurface = reader.Text(); break;
                case 46: BosPiece = reader.Text(); break;
                case 47: EosPiece = reader.Text(); break;
                case 48: PadPiece = reader.Text(); break;
                default: reader.Skip(); break;
            }
        }
    }

    private void ReadNormalizer(WireReader reader)
    {
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2: CharsMap = reader.Bytes().ToArray(); break;
                case 3: AddDummyPrefix = reader.Flag(); break;
                case 4: RemoveExtraWhitespace = reader.Flag(); break;
                case 5: EscapeWhitespace = reader.Flag(); break;
                default: reader.Skip(); break;
            }
        }
    }

    private static void ReadDenormalizer(WireReader reader, string path)
    {
        while (reader.Next())
        {
            if (reader.Field == 2 && reader.Bytes().Length > 0)
                throw Unsupported(path, "denormalizer_spec.precompiled_charsmap", "rules", "none");
            if (reader.Field != 2)
                reader.Skip();
        }
    }

    /// <summary>SentencePiece's own conditions on a vocabulary.</summary>
    private void Check(string path)
    {
        void Require(bool holds, string what, string found)
        {
            if (!holds)
                throw new TokenizerException(what, path, found);
        }

        for (int id = 0; id < Pieces.Count; id++)
        {
            var piece = Pieces[id];
            Require(piece.Text.Length > 0, "a piece is empty", $"piece {id}");
            Require(Enum.IsDefined(piece.Kind), "a piece has an unknown type", $"piece {id}: {piece.Kind}");
            Require(float.IsFinite(piece.Score), "a piece has no finite score", $"piece {id}: {piece.Score}");
        }
        int unknown = Pieces.Count(p => p.Kind == PieceKind.Unknown);
        int bytes = Pieces.Count(p => p.Kind == PieceKind.Byte);
        Require(unknown == 1, "a model needs exactly one unknown piece", $"{unknown}");
        Require(bytes == (ByteFallback ? 256 : 0), "byte pieces and byte_fallback disagree", $"{bytes} byte pieces");
    }

    private static TokenizerException Unsupported(string path, string setting, string found, string expected) =>
        new($"the SentencePiece model's {setting} is not supported", path, found, expected);
}
