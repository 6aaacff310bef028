namespace Bam.Tests.Data;

/// <summary>Words with single spaces between them; no two stretches of 50 characters are the same.</summary>
internal static class RandomText
{
    public static string Words(int characters, string name)
    {
        var random = new RandomStream(1, name);
        return string.Create(characters, random, (span, stream) =>
        {
            var isInWord = false;
            foreach (ref var c in span)
            {
                var draw = stream.NextInt64(isInWord ? 31 : 26);
                isInWord = draw < 26;
                c = isInWord ? (char)('a' + draw) : ' ';
            }

            span[^1] = 'x';
        });
    }
}
