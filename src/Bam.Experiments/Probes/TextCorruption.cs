using System.Text;

namespace Bam.Experiments.Probes;

/// <summary>
/// Corrupts a part of a text's bytes. Each character is replaced with a given probability; one of n UTF-8 bytes by n printable
/// ASCII characters, so that every byte is hit with that probability, the text stays valid UTF-8, and its length in bytes stays
/// the same.
/// </summary>
internal static class TextCorruption
{
    private const char First = ' ';
    private const char Last = '~';

    /// <summary>The text with some of its characters replaced, none by itself.</summary>
    /// <param name="text">The text.</param>
    /// <param name="probability">Of each byte to be replaced.</param>
    /// <param name="random">Which are replaced, and by what.</param>
    public static string Apply(string text, double probability, ref RandomStream random)
    {
        var corrupted = new StringBuilder(text.Length);
        foreach (var character in text.EnumerateRunes())
        {
            if (random.NextDouble() >= probability) corrupted.Append(character);
            else if (character.Value is >= First and <= Last) corrupted.Append(Other((char)character.Value, ref random));
            else
            {
                for (var i = 0; i < character.Utf8SequenceLength; i++)
                    corrupted.Append((char)(First + random.NextInt64(Last - First + 1)));
            }
        }

        return corrupted.ToString();
    }

    private static char Other(char character, ref RandomStream random)
    {
        var drawn = (char)(First + random.NextInt64(Last - First));
        return drawn < character ? drawn : (char)(drawn + 1);
    }
}
