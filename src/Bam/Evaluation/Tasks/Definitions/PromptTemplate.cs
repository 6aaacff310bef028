using System.Text;
using System.Text.Json.Nodes;
using Bam.Evaluation.Tasks.Texts;

namespace Bam.Evaluation.Tasks.Definitions;

/// <summary>
/// A text with fields of a row in braces: <c>Question: {question|strip}\nAnswer:</c>. Filters behind the field change its text;
/// doubled braces stand for braces.
/// </summary>
internal sealed class PromptTemplate
{
    private const char FilterMark = '|';

    private readonly IReadOnlyList<Part> parts;

    private PromptTemplate(IReadOnlyList<Part> parts) => this.parts = parts;

    /// <summary>The fields at the beginning of the paths.</summary>
    public IEnumerable<string> Roots => parts.SelectMany(part => part.Field?.Roots ?? []);

    /// <summary>Reads a template.</summary>
    /// <exception cref="FormatException">A brace is not closed, or a path or filter is unknown.</exception>
    public static PromptTemplate Parse(string text)
    {
        var parts = new List<Part>();
        var literal = new StringBuilder();
        for (var i = 0; i < text.Length; i++)
        {
            var letter = text[i];
            if (letter is '{' or '}' && i + 1 < text.Length && text[i + 1] == letter) i++;
            else if (letter == '}') throw new FormatException("a closing brace has no opening one; write }} for a brace");
            else if (letter == '{')
            {
                var end = text.IndexOf('}', i);
                if (end < 0) throw new FormatException("an opening brace is not closed; write {{ for a brace");
                AddLiteral();
                parts.Add(FieldOf(text[(i + 1)..end]));
                i = end;
                continue;
            }

            literal.Append(letter);
        }

        AddLiteral();
        return new(parts);

        void AddLiteral()
        {
            if (literal.Length > 0) parts.Add(new(literal.ToString(), null, []));
            literal.Clear();
        }
    }

    /// <summary>The text for a row.</summary>
    /// <exception cref="InvalidInputException">The row lacks a field, or one holds no text.</exception>
    public string Render(TaskRow row) =>
        string.Concat(parts.Select(part => part.Field is { } field ? TextOf(row.Get(field), part, row) : part.Literal));

    /// <summary>The texts for a row: the entries of the list if the template is a field with a list, else one text.</summary>
    /// <exception cref="InvalidInputException">The row lacks a field, or one holds no text.</exception>
    public IReadOnlyList<string> RenderAll(TaskRow row) =>
        parts is [{ Field: { } field } part] && row.Get(field) is JsonArray entries
            ? [.. entries.Select(entry => TextOf(entry, part, row))]
            : [Render(row)];

    private static Part FieldOf(string text)
    {
        var pieces = text.Split(FilterMark);
        return new(text, FieldPath.Parse(pieces[0].Trim()), [.. pieces.Skip(1).Select(TextFilter.Parse)]);
    }

    private static string TextOf(JsonNode? value, Part part, TaskRow row)
    {
        var text = FieldText.Of(value) ?? throw new InvalidInputException(
            $"{row.Origin}, field \"{part.Field}\"", "a text or a number", value is JsonArray ? "a list" : "an object",
            "name a field inside it");
        foreach (var filter in part.Filters)
            text = filter(text) ?? throw new InvalidInputException(
                $"{row.Origin}, field \"{part.Field}\"", $"what '{part.Literal}' looks for", "a text without it",
                "correct the row or take it out");
        return text;
    }

    private sealed record Part(string Literal, FieldPath? Field, IReadOnlyList<Func<string, string?>> Filters);
}

/// <summary>The filters of templates; each gives null for a text without what it looks for.</summary>
internal static class TextFilter
{
    public static Func<string, string?> Parse(string text)
    {
        var (name, argument) = text.Split(':', 2) is [var left, var right] ? (left.Trim(), right) : (text.Trim(), "");
        return name switch
        {
            "strip" => PythonText.Strip,
            "words" => value => value.Replace('_', ' '),
            "boxed" => MathAnswer.Boxed,
            "minerva" => MinervaAnswer.Normalize,
            "before" when argument.Length > 0 => value => Split(value, argument)?.Before,
            "after" when argument.Length > 0 => value => Split(value, argument)?.After,
            _ => throw new FormatException(
                $"'{text}' is no filter; known are strip, words, boxed, minerva, before:TEXT and after:TEXT"),
        };
    }

    private static (string Before, string After)? Split(string text, string mark) =>
        text.IndexOf(mark, StringComparison.Ordinal) is >= 0 and var at
            ? (text[..at], text[(at + mark.Length)..])
            : null;
}
