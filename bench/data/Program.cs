using System.Diagnostics;
using System.Globalization;
using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using Bam;
using Bam.Data.Building;
using Bam.Data.Text;
using Bam.Tokenization;

// The stages of `bam data build`, each on its own and over documents in memory, on as many threads as are given:
//   TOKENIZER THREADS MEGABYTES FILE.jsonl...
CultureInfo.CurrentCulture = CultureInfo.InvariantCulture;
if (args is not [var tokenizerPath, var threadCount, var megabytes, _, ..])
{
    await Console.Error.WriteLineAsync("usage: TOKENIZER THREADS MEGABYTES FILE.jsonl...");
    return 2;
}

var tokenizer = Tokenizer.Load(tokenizerPath);
var threads = int.Parse(threadCount);
var documents = new List<TextDocument>();
var bytes = 0L;
foreach (var document in new DocumentReader(args[3..], new("text"), SilentReporter.Instance).Read())
{
    documents.Add(TextDocument.Of(document.Origin, document.TakeText(), document.Group));
    bytes += Encoding.UTF8.GetByteCount(documents[^1].Characters.Span);
    if (bytes >= long.Parse(megabytes) * 1_000_000) break;
}

Tokenize(documents.Take(200)); // compiles
_ = Sketch(documents.Take(200)).Count();
GC.Collect();

var clock = Stopwatch.StartNew();
var (tokens, digest) = Tokenize(documents);
var tokenizing = clock.Elapsed.TotalSeconds;

clock.Restart();
using var index = new NearDuplicateIndex(0.5, Path.Combine(Path.GetTempPath(), Path.GetRandomFileName()));
var duplicates = Sketch(documents).Count(sketch => index.FindOrAdd(sketch) is not null);
var nearDuplicates = clock.Elapsed.TotalSeconds;

const int HeldOutEvery = 20;
clock.Restart();
var heldOutDocuments = documents.Where((_, number) => number % HeldOutEvery == 0);
var heldOut = new HeldOutShingles(
    OrderedParallel.Select(heldOutDocuments, (_, document) => Shingles.All(document.Characters.Span), threads, default)
        .Select((shingles, number) => (number * HeldOutEvery, shingles)),
    heldOutDocuments.Sum(document => document.Characters.Length));
var contaminated = OrderedParallel.Select(
        documents, (_, document) => heldOut.FindLargestShare(document.Characters.Span, 0.2), threads, default)
    .Count(found => found is not null);
var comparing = clock.Elapsed.TotalSeconds;

Console.WriteLine(JsonSerializer.Serialize(new
{
    bytes, documents = documents.Count, tokens, digest, duplicates, contaminated, tokenizing, nearDuplicates, comparing,
}));
return 0;

IEnumerable<uint[]> Sketch(IEnumerable<TextDocument> texts) =>
    OrderedParallel.Select(texts, (_, document) => MinHash.Sketch(document.Characters.Span), threads, default);

(long Tokens, string Digest) Tokenize(IEnumerable<TextDocument> texts)
{
    var count = 0L;
    using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    var encoded = OrderedParallel.Select(
        texts,
        (_, document) =>
        {
            var ids = new List<int>(document.Characters.Length / 3);
            tokenizer.EncodeOrdinary(document.Characters.Span, ids);
            return ids;
        },
        threads, default);
    foreach (var ids in encoded)
    {
        count += ids.Count;
        hash.AppendData(MemoryMarshal.AsBytes(CollectionsMarshal.AsSpan(ids)));
    }

    return (count, Convert.ToHexStringLower(hash.GetHashAndReset()));
}
