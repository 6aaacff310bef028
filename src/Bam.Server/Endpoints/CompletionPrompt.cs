using System.Text.Json;
using Bam.Server.Http;
using Bam.Server.Serving;

namespace Bam.Server.Endpoints;

/// <summary>A prompt of a completion.</summary>
/// <param name="Ids">At least one.</param>
/// <param name="Text">Its text: the request's, or that of its ids.</param>
internal sealed record CompletionPrompt(int[] Ids, string Text)
{
    private const string Field = "prompt";
    private const string Expected = "a string, a list of strings, a list of token ids, or a list of such lists";

    /// <summary>The prompts of a request; without any, the start of a document.</summary>
    /// <exception cref="ApiException">The field is something else, or the model cannot read it.</exception>
    public static IReadOnlyList<CompletionPrompt> Read(RequestFields fields, ServedModel served)
    {
        var addSpecialTokens = fields.Flag("add_special_tokens", ifAbsent: true);
        if (fields.Value(Field) is not { } value) return [OfText("")];
        if (value.ValueKind == JsonValueKind.String) return [OfText(value.GetString()!)];
        if (value.ValueKind != JsonValueKind.Array) throw fields.Unexpected(Field, Expected);
        if (value.GetArrayLength() == 0) throw ApiException.Wrong(Field, $"'{Field}' must not be empty.");
        return value[0].ValueKind switch
        {
            JsonValueKind.String => [.. value.EnumerateArray().Select(text => OfText(TextOf(text)))],
            JsonValueKind.Array => [.. value.EnumerateArray().Select(OfIds)],
            _ => [OfIds(value)],
        };

        string TextOf(JsonElement text) =>
            text.ValueKind == JsonValueKind.String ? text.GetString()! : throw fields.Unexpected(Field, Expected);

        CompletionPrompt OfText(string text)
        {
            try
            {
                return new(served.Encode(text, addSpecialTokens), text);
            }
            catch (InvalidInputException e)
            {
                throw ApiException.Wrong(Field, e.Message);
            }
        }

        CompletionPrompt OfIds(JsonElement list)
        {
            if (list.ValueKind != JsonValueKind.Array) throw fields.Unexpected(Field, Expected);
            var ids = TokenIds.Read(list, Field, served.Config.VocabSize);
            return ids.Length > 0
                ? new(ids, served.Tokenizer.Decode(ids))
                : throw ApiException.Wrong(Field, $"A list of ids in '{Field}' must not be empty.");
        }
    }
}

/// <summary>Lists of token ids.</summary>
internal static class TokenIds
{
    /// <summary>Reads a list of ids below a number.</summary>
    /// <exception cref="ApiException">It holds something else.</exception>
    public static int[] Read(JsonElement list, string field, int count) => [.. list.EnumerateArray().Select(element =>
        RequestFields.IsInteger(element, out var id) && id >= 0 && id < count
            ? (int)id
            : throw ApiException.Wrong(field, $"A token id in '{field}' must be an integer from 0 to {count - 1}."))];
}
