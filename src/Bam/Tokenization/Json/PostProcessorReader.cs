namespace Bam.Tokenization.Json;

/// <summary>Reads "post_processor": the ids that go in front of a text and behind it.</summary>
internal static class PostProcessorReader
{
    /// <summary>The ids before and after the text; both empty when there is no template.</summary>
    /// <param name="field">The post-processor.</param>
    /// <param name="hasId">Tells whether an id has a token.</param>
    /// <exception cref="InvalidInputException">Bam does not know its kind, or it names ids that no token has.</exception>
    public static (int[] Before, int[] After) Read(JsonField field, Func<int, bool> hasId)
    {
        if (field.IsNull) return ([], []);
        switch (field["type"].TextOrNull())
        {
            case "ByteLevel": // trims offsets, which Bam does not give
                field.RequireKeys("type", "add_prefix_space", "trim_offsets", "use_regex");
                return ([], []);
            case "TemplateProcessing":
                field.RequireKeys("type", "single", "pair", "special_tokens");
                return ReadTemplate(field, hasId);
            case "Sequence":
                field.RequireKeys("type", "processors");
                (int[] Before, int[] After) all = ([], []);
                foreach (var processor in field["processors"].Items())
                {
                    var (before, after) = Read(processor, hasId);
                    all = ([.. before, .. all.Before], [.. all.After, .. after]);
                }

                return all;
            default:
                throw field["type"].Unexpected(
                    "ByteLevel, TemplateProcessing or Sequence", "Bam does not read this post-processor");
        }
    }

    private static (int[] Before, int[] After) ReadTemplate(JsonField field, Func<int, bool> hasId)
    {
        List<int> before = [], after = [];
        var texts = 0;
        foreach (var piece in field["single"].Items())
        {
            piece.RequireKeys("SpecialToken", "Sequence");
            if (piece["Sequence"] is { IsNull: false } sequence)
            {
                if (sequence["id"].Text() != "A" || ++texts > 1)
                    throw field["single"].Damaged("the sequence A once");
                continue;
            }

            var name = piece["SpecialToken"]["id"].Text();
            foreach (var id in field["special_tokens"][name]["ids"].Items())
            {
                if (!hasId(id.Integer())) throw id.Damaged("the id of a token");
                (texts == 0 ? before : after).Add(id.Integer());
            }
        }

        if (texts == 0) throw field["single"].Damaged("the sequence A once");
        return ([.. before], [.. after]);
    }
}
